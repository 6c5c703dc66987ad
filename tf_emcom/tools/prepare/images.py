"""Images: the files below a folder, and their pixels."""

import collections
import contextlib
import io
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

from tf_emcom.errors import UserError
from tf_emcom.files import FILE_ERRORS, is_remote, reason

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")


def files_below(root: str) -> tuple[list[str], int, list[str]]:
    """Walks through a folder; names that begin with a dot do not count.

    A link to a file is read like a file, once: not where its target is an image of the folder itself, or of another
    link. A link to a folder is never followed. Links to what is below the folder already, or to a folder around it, are
    listed apart. Pipes and devices are not read.

    Returns paths of images, relative to the folder and sorted part by part; how many other files there are; and paths
    of links. UserError where a folder cannot be read, a name is not in UTF-8, or a link leads to another folder.
    """
    try:
        return _walk(root)
    except UnicodeError as error:
        raise UserError(f"--images is {root}, where a name is not UTF-8 ({error.object!r:.80}); rename it.") from error
    except FILE_ERRORS as error:
        raise UserError(f"--images is {root}, which cannot be read through ({reason(error)}).") from error


def _walk(root: str) -> tuple[list[str], int, list[str]]:
    images, links, skipped, others = [], [], [], 0
    walk = tf.io.gfile.walk if is_remote(root) else os.walk
    for folder, folders, names in walk(root, onerror=_raise):
        inside = folder[len(root) :].strip("/")
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in folders:
            if os.path.islink(os.path.join(folder, name)):
                _refuse_elsewhere(root, os.path.join(inside, name))
                skipped.append(os.path.join(inside, name))
        for name in names:
            place, path = os.path.join(folder, name), os.path.join(inside, name)
            if name.startswith("."):
                continue
            path.encode()  # UnicodeError where it is not in UTF-8
            # A link to nothing counts as an image, which is missing then.
            is_special = os.path.exists(place) and not os.path.isfile(place)
            if not name.lower().endswith(ENDINGS) or is_special:
                others += 1
            else:
                (links if os.path.islink(place) else images).append(path)
    real_root = os.path.realpath(root)
    known = {os.path.join(real_root, path) for path in images}
    for path in _sorted(links):
        target = os.path.realpath(os.path.join(root, path))
        (skipped if target in known else images).append(path)
        known.add(target)
    return _sorted(images), others, sorted(skipped)


def _raise(error: Exception) -> None:
    raise error


def _refuse_elsewhere(root: str, path: str) -> None:
    """UserError where a link leads to a folder whose images would be missing."""
    target, real_root = os.path.realpath(os.path.join(root, path)), os.path.realpath(root)
    is_around = os.path.commonpath((target, real_root)) == target
    # Outside of the folder it begins with "..".
    inner = os.path.relpath(target, real_root).split(os.sep)
    if not is_around and any(part.startswith(".") for part in inner):
        raise UserError(
            f"{root.rstrip('/')}/{path} is a link to the folder {target}, which is not followed; put the folder itself"
            " there ('cp -al' copies without taking room on the same disk), or remove the link."
        )


def _sorted(paths: list[str]) -> list[str]:
    return sorted(paths, key=lambda path: path.split("/"))


# The formats that are read, whatever a file's name ends with; others are rarer, and some of Pillow's are programs.
_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP")
_WHITE = (255, 255, 255, 255)


def decode(content: bytes) -> np.ndarray:
    """The colours of a JPEG, PNG, BMP, GIF or WebP file, as a viewer shows them on a white page: uint8 [H, W, 3].

    An orientation in EXIF is applied. Palettes, grey levels, black and white, and CMYK become red, green and blue; of
    16 bits the upper 8 are used; colour profiles are not. Transparent parts show the white page. Of an animation the
    first picture counts. ValueError where the file is none of these, is damaged, or has more pixels than Pillow thinks
    safe; it says why.
    """
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            image.load()
            upright = image
            # Where its EXIF cannot be read, it is taken as it is stored.
            with contextlib.suppress(Exception):
                upright = ImageOps.exif_transpose(image)
            return np.asarray(_in_colour(upright, image.format == "BMP"))
    except Image.UnidentifiedImageError as error:
        raise ValueError("it is no JPEG, PNG, BMP, GIF or WebP file") from error
    except Exception as error:  # Pillow's decoders raise errors of many types for damaged files.
        raise ValueError(reason(error)) from error


def _in_colour(image: Image.Image, is_bmp: bool) -> Image.Image:
    if image.mode.startswith("I"):
        # 16 bits of grey, which Pillow would cut off at 255 instead of scaling them.
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if not image.has_transparency_data:
        return image.convert("RGB")
    image = image.convert("RGBA")
    if is_bmp and image.getchannel("A").getbbox() is None:
        # Many programs leave the fourth byte of a BMP's pixels 0 and mean nothing by it.
        return image.convert("RGB")
    return Image.alpha_composite(Image.new("RGBA", image.size, _WHITE), image).convert("RGB")


class Pixels(NamedTuple):
    """B images."""

    paths: Sequence[str]
    seen: Sequence[tf.Tensor]  # each float32 [height, width, 3] in [0, 255], for the encoder
    kept: Sequence[bytes]  # small copies in PNG; empty where none are kept


class ImageReader(NamedTuple):
    """Reads image files as `decode` does.

    Of each image the largest part in the middle with the wanted proportions is resized, bilinearly and with
    antialiasing, so that nothing is distorted.
    """

    root: str  # the folder of all images
    height: int
    width: int
    kept_side: int  # pixels a side of small copies, 0: none are kept
    batch_size: int

    def batches(self, paths: Sequence[str], broken: dict[str, str]) -> Iterator[Pixels]:
        """The images at these paths below the root, in this order; UserError where one cannot be read.

        Those that are not there or cannot be decoded are left out, and go to `broken`: path ↦ why.
        """
        pool = ThreadPoolExecutor()
        try:
            found = []
            for path, image in self._ahead(pool, paths):
                try:
                    found.append((path, *image.result()))
                except UserError:  # a ValueError, too
                    raise
                except ValueError as error:
                    broken[path] = str(error)
                if len(found) == self.batch_size:
                    yield Pixels(*zip(*found, strict=True))
                    found = []
            if found:
                yield Pixels(*zip(*found, strict=True))
        finally:
            pool.shutdown(cancel_futures=True)

    def _ahead(self, pool: ThreadPoolExecutor, paths: Sequence[str]) -> Iterator[tuple[str, Future]]:
        """One batch is decoded while the one before is encoded."""
        waiting: collections.deque[tuple[str, Future]] = collections.deque()
        for path in paths:
            waiting.append((path, pool.submit(self._read, path)))
            if len(waiting) == 2 * self.batch_size:
                yield waiting.popleft()
        yield from waiting

    def _read(self, path: str) -> tuple[tf.Tensor, bytes]:
        """What is seen and kept of an image; ValueError where it is not there or cannot be decoded."""
        file_name = os.path.join(self.root, path)
        try:
            with tf.io.gfile.GFile(file_name, "rb") as file:
                content = file.read()
        except tf.errors.NotFoundError as error:
            raise ValueError("there is no such file") from error
        except tf.errors.OpError as error:
            raise UserError(
                f"The image {file_name} cannot be read ({reason(error)}); fix that, and run the same command again to"
                " resume."
            ) from error
        image = tf.constant(decode(content))
        seen = _fitted(image, self.height, self.width)
        if not self.kept_side:
            return seen, b""
        kept = tf.cast(tf.round(_fitted(image, self.kept_side, self.kept_side)), tf.uint8)
        return seen, tf.io.encode_png(kept).numpy()


def _fitted(image: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """The middle of an image [H, W, 3], resized: float32 [height, width, 3] in [0, 255]."""
    given_height, given_width = tf.unstack(tf.shape(image)[:2])
    rows = tf.clip_by_value(given_width * height // width, 1, given_height)
    columns = tf.clip_by_value(given_height * width // height, 1, given_width)
    top, left = (given_height - rows) // 2, (given_width - columns) // 2
    middle = tf.cast(image[top : top + rows, left : left + columns], tf.float32)
    return tf.clip_by_value(tf.image.resize(middle, (height, width), antialias=True), 0.0, 255.0)
