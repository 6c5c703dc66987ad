"""Pictures come as Pillow reads them."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.preparation.pictures import draw, pixels
from tf_emcom.preparation.image_reader import ImageReader


def read(root, paths, height=16, width=16, kept_side=0, batch_size=4):
    batches = list(ImageReader(str(root), height, width, kept_side, batch_size).batches(paths))
    return np.concatenate([batch.seen for batch in batches]), [png for batch in batches for png in batch.kept]


@pytest.mark.parametrize("ending", ["png", "bmp", "gif"])
def test_lossless_pictures_come_pixel_by_pixel(tmp_path, ending):
    paths = [f"{index}.{ending}" for index in range(6)]
    for index, path in enumerate(paths):
        draw(tmp_path / path, index)
    seen, kept = read(tmp_path, paths)
    np.testing.assert_array_equal(seen, [pixels(tmp_path / path) for path in paths])
    assert kept == [b""] * 6


@pytest.mark.parametrize("ending", ["jpg", "webp"])
def test_compressed_pictures_come_nearly_so(tmp_path, ending):
    draw(tmp_path / f"a.{ending}", 1)
    (seen,), _ = read(tmp_path, [f"a.{ending}"])
    assert np.abs(seen - pixels(tmp_path / f"a.{ending}")).max() <= 8


def test_grey_and_transparent_pictures_become_coloured_ones(tmp_path):
    image = Image.open(draw(tmp_path / "a.png", 2))
    image.convert("L").save(tmp_path / "grey.png")
    image.convert("RGBA").save(tmp_path / "clear.png")
    seen, _ = read(tmp_path, ["grey.png", "clear.png"])
    np.testing.assert_array_equal(seen[0], np.repeat(np.asarray(image.convert("L"))[..., None], 3, -1))
    np.testing.assert_array_equal(seen[1], np.asarray(image))


def test_file_is_told_by_its_content_whatever_its_name_is(tmp_path):
    draw(tmp_path / "a.png", 3).rename(tmp_path / "a.jpg")
    np.testing.assert_array_equal(read(tmp_path, ["a.jpg"])[0][0], pixels(tmp_path / "a.jpg"))


@pytest.mark.parametrize("size", [(24, 16), (16, 24)], ids=["wide", "tall"])
def test_the_middle_of_a_picture_is_seen_without_distortion(tmp_path, size):
    whole = pixels(draw(tmp_path / "a.png", 4, size))
    left, top = (size[0] - 16) // 2, (size[1] - 16) // 2
    (seen,), _ = read(tmp_path, ["a.png"])
    np.testing.assert_array_equal(seen, whole[top : top + 16, left : left + 16])


def test_proportions_are_the_encoders(tmp_path):
    whole = pixels(draw(tmp_path / "a.png", 5, (20, 20)))
    (seen,), _ = read(tmp_path, ["a.png"], height=10, width=20)
    np.testing.assert_array_equal(seen, whole[5:15])


def test_halving_is_antialiased_and_kept_images_show_what_was_seen(tmp_path):
    draw(tmp_path / "a.png", 6)
    (seen,), (kept,) = read(tmp_path, ["a.png"], height=8, width=8, kept_side=8)
    expected = Image.open(tmp_path / "a.png").resize((8, 8), Image.Resampling.BILINEAR)
    assert np.abs(seen - np.asarray(expected, np.float32)).max() <= 1
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(kept))), np.round(seen))


def test_one_row_of_pixels_is_enough(tmp_path):
    Image.new("RGB", (64, 1), (10, 20, 30)).save(tmp_path / "a.png")
    assert read(tmp_path, ["a.png"])[0].shape == (1, 16, 16, 3)


def test_order_is_kept_and_batches_are_cut(tmp_path):
    paths = [f"{index}.png" for index in range(6)]
    for index, path in enumerate(paths):
        draw(tmp_path / path, index)
    reader = ImageReader(str(tmp_path), 16, 16, 0, 4)
    assert [len(batch.kept) for batch in reader.batches(paths)] == [4, 2]
    np.testing.assert_array_equal(read(tmp_path, paths[::-1])[0], read(tmp_path, paths)[0][::-1])


def test_broken_pictures_are_found_with_the_reason(tmp_path):
    whole = draw(tmp_path / "a.png", 8).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("a picture of a wren")
    reader = ImageReader(str(tmp_path), 16, 16, 8, 4)
    paths = ["a.png", "cut.png", "empty.png", "text.jpg", "none.png"]
    with pytest.raises(tf.errors.OpError):
        list(reader.batches(paths))
    broken = reader.broken(paths)
    assert list(broken) == paths[1:]
    assert "Unknown image file format" in broken["text.jpg"]
    assert "No such file" in broken["none.png"]
    assert all("\n" not in reason and reason for reason in broken.values())
