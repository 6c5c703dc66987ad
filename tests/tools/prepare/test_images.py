"""Images are read as Pillow reads them."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from tests.tools.prepare.pictures import draw, pixels
from tf_emcom.errors import UserError
from tf_emcom.tools.prepare.images import ImageReader


def read(root, paths, height=16, width=16, kept_side=0, batch_size=4):
    batches = list(ImageReader(str(root), height, width, kept_side, batch_size).batches(paths, {}))
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
def test_compressed_pictures_come_as_pillow_reads_them(tmp_path, ending):
    draw(tmp_path / f"a.{ending}", 1)
    (seen,), _ = read(tmp_path, [f"a.{ending}"])
    np.testing.assert_array_equal(seen, pixels(tmp_path / f"a.{ending}"))


@pytest.mark.parametrize("ending", ["bmp", "png", "gif", "webp"])
@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_few_colours_come_as_they_look(tmp_path, mode, ending):
    image = Image.open(draw(tmp_path / "a.png", 2)).convert("RGB")
    image = image.quantize(7) if mode == "P" else image.convert(mode)
    image.save(tmp_path / f"few.{ending}", **({"lossless": True} if ending == "webp" else {}))
    (seen,), _ = read(tmp_path, [f"few.{ending}"])
    np.testing.assert_array_equal(seen, np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("ending", ["png", "webp", "gif"])
def test_transparent_parts_show_a_white_page(tmp_path, ending):
    colours = np.full((16, 16, 4), (200, 40, 10, 255), np.uint8)
    colours[:8, :, 3], colours[8:12, :, 3] = 0, 51
    if ending == "gif":
        colours = np.delete(colours, slice(8, 12), 0)
    Image.fromarray(colours).save(tmp_path / f"a.{ending}", **({"lossless": True} if ending == "webp" else {}))
    (seen,), _ = read(tmp_path, [f"a.{ending}"], *colours.shape[:2])
    rows = [[255] * 3] * 8 + [[244, 212, 206]] * (0 if ending == "gif" else 4) + [[200, 40, 10]] * 4
    np.testing.assert_array_equal(seen, np.repeat(np.array(rows)[:, None], 16, 1))


@pytest.mark.parametrize(("alpha", "expected"), [((0, 0), [[10, 20, 30]] * 2), ((0, 255), [[255] * 3, [10, 20, 30]])])
def test_fourth_byte_of_a_bmp_means_nothing_where_it_is_never_set(tmp_path, alpha, expected):
    pixel_bytes = b"".join(bytes((30, 20, 10, each)) for each in alpha)
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 108, 2, 1, 1, 32, 3, len(pixel_bytes), 0, 0, 0, 0) + masks + bytes(52)
    size = 14 + len(header) + len(pixel_bytes)
    (tmp_path / "a.bmp").write_bytes(struct.pack("<2sIII", b"BM", size, 0, 14 + len(header)) + header + pixel_bytes)
    (seen,), _ = read(tmp_path, ["a.bmp"], height=1, width=2)
    np.testing.assert_array_equal(seen[0], expected)


@pytest.mark.parametrize("ending", ["gif", "webp", "png"])
def test_an_animation_comes_as_its_first_picture(tmp_path, ending):
    first, *others = (Image.open(draw(tmp_path / f"{index}.png", index)).convert("RGB") for index in range(3))
    first.save(tmp_path / f"all.{ending}", save_all=True, append_images=others, lossless=True)
    (seen,), _ = read(tmp_path, [f"all.{ending}"])
    np.testing.assert_array_equal(seen, np.asarray(first))


def test_sixteen_bits_of_grey_are_scaled(tmp_path):
    levels = np.arange(0, 65536, 256, dtype=np.uint16).reshape(16, 16) + 5
    Image.fromarray(levels).save(tmp_path / "a.png")
    (seen,), _ = read(tmp_path, ["a.png"])
    np.testing.assert_array_equal(seen, np.repeat(np.arange(256).reshape(16, 16, 1), 3, -1))


def test_cmyk_comes_in_red_green_and_blue(tmp_path):
    Image.new("RGB", (16, 16), (200, 40, 10)).convert("CMYK").save(tmp_path / "a.jpg", quality=100)
    (seen,), _ = read(tmp_path, ["a.jpg"])
    assert np.abs(seen - (200, 40, 10)).max() <= 6


def test_a_photo_comes_upright(tmp_path):
    image = Image.open(draw(tmp_path / "a.png", 4)).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    image.rotate(90).save(tmp_path / "turned.png", exif=exif)
    (seen,), _ = read(tmp_path, ["turned.png"])
    np.testing.assert_array_equal(seen, np.asarray(image))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_orientation_that_cannot_be_read_is_none(tmp_path):
    image = Image.open(draw(tmp_path / "a.png", 4)).convert("RGB")
    image.save(tmp_path / "odd.png", exif=b"Exif\0\0MM\0*garbage")
    np.testing.assert_array_equal(read(tmp_path, ["odd.png"])[0][0], np.asarray(image))


def test_file_is_recognised_by_its_content_whatever_its_name_is(tmp_path):
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
    assert [len(batch.kept) for batch in reader.batches(paths, {})] == [4, 2]
    np.testing.assert_array_equal(read(tmp_path, paths[::-1])[0], read(tmp_path, paths)[0][::-1])


def test_broken_pictures_are_found_with_the_reason(tmp_path):
    whole = draw(tmp_path / "a.png", 8).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.jpg").write_text("a picture of a wren")
    reader = ImageReader(str(tmp_path), 16, 16, 8, 4)
    paths = ["a.png", "cut.png", "empty.png", "text.jpg", "none.png"]
    broken = {}
    assert [batch.paths for batch in reader.batches(paths, broken)] == [("a.png",)]
    assert list(broken) == paths[1:]
    assert broken["text.jpg"] == "it is no JPEG, PNG, BMP, GIF or WebP file"
    assert broken["none.png"] == "there is no such file"
    assert all("\n" not in reason and reason for reason in broken.values())


def test_an_image_that_cannot_be_read_is_not_called_broken(tmp_path):
    # A folder in the way stops even an administrator.
    (tmp_path / "a.png").mkdir()
    with pytest.raises(UserError, match="a.png cannot be read .*to resume"):
        list(ImageReader(str(tmp_path), 16, 16, 0, 4).batches(["a.png"], {}))
