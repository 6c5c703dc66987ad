import numpy as np

from tf_emcom.plots import draw_games

GREEN, ORANGE, GREY, WHITE = (0, 158, 115), (213, 94, 0), (205, 205, 205), (255, 255, 255)


def test_games_are_rows_and_borders_tell_who_was_meant_and_who_was_taken():
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 50, 60, 3)).astype(np.uint8)
    picture = draw_games(images, np.array([1, 2]), np.array([1, 0]))
    assert picture.shape == (2 * (50 + 6 + 4) + 4, 3 * (60 + 6 + 4) + 4, 3)
    assert picture.dtype == np.uint8
    borders = [[(GREY), (GREEN), (GREY)], [(ORANGE), (GREY), (GREEN)]]
    for game in range(2):
        for place in range(3):
            top, left = 4 + game * 60, 4 + place * 70
            np.testing.assert_array_equal(picture[top + 3 : top + 53, left + 3 : left + 63], images[game, place])
            assert tuple(picture[top, left]) == tuple(picture[top + 55, left + 65]) == borders[game][place]
            assert tuple(picture[top - 1, left]) == WHITE


def test_small_images_are_enlarged_by_a_whole_number():
    images = np.zeros((1, 1, 8, 8, 3), np.uint8)
    images[0, 0, 7, 0] = (1, 2, 3)
    picture = draw_games(images, np.array([0]), np.array([0]))
    assert picture.shape == (48 + 14, 48 + 14, 3)
    corner = picture[4 + 3 + 42 : 4 + 3 + 48, 7:13]
    assert (corner == (1, 2, 3)).all() and not (picture == (1, 2, 3)).all(-1).sum() > 36


def test_a_wrong_label_marks_no_candidate():
    images = np.zeros((1, 1, 48, 48, 3), np.uint8)
    assert tuple(draw_games(images, np.array([0]), np.array([-1]))[4, 4]) == GREEN
