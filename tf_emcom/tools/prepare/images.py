"""Reading images."""

import contextlib
import io
import os
import stat
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

from tf_emcom.errors import UserError
from tf_emcom.files import reason

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")


class FilesBelow(NamedTuple):
    """What lies below a folder.

    Attributes:
      images: paths relative to the folder, sorted part by part.
      others: how many files are no images, by the ends of their names.
      links: paths of links that lead to what is below the folder already, or to a folder around it; sorted.
    """

    images: list[str]
    others: int
    links: list[str]


def files_below(root: str) -> FilesBelow:
    """Walks through a folder; what has a name that begins with a dot does not count.

    A link to a file is read like a file, once: not where its target is an image of the folder itself, or of another
    link. A link to a folder is never followed.

    Raises:
      UserError: a folder cannot be read, a name is not in UTF-8, or a link leads to a folder that is elsewhere.
    """
    try:
        if "://" in root:
            return _walk_remote(root.rstrip("/"))
        return _LocalWalk(root).files()
    except UnicodeError as error:
        raise UserError(
            f"--images is {root}, where a name is not in UTF-8 ({error.object!r:.80}); rename it."
        ) from error
    except (OSError, tf.errors.OpError) as error:
        raise UserError(f"--images is {root}, which cannot be read through ({reason(error)}).") from error


def _walk_remote(root: str) -> FilesBelow:
    found = []
    for folder, _, files in tf.io.gfile.walk(root, onerror=_raise):
        inside = folder[len(root) :].strip("/")
        found += [f"{inside}/{file}".lstrip("/") for file in files]
    seen = [path for path in found if not any(part.startswith(".") for part in path.split("/"))]
    images = [path for path in seen if path.lower().endswith(ENDINGS)]
    return FilesBelow(_sorted(images), len(seen) - len(images), [])


def _raise(error: tf.errors.OpError) -> None:
    raise error


class _LocalWalk:
    """One walk on the local disk, which may have links, and files that are none to read from."""

    def __init__(self, root: str) -> None:
        self._root, self._real_root = root, os.path.realpath(root)
        self._images: list[str] = []
        self._links: list[str] = []
        self._skipped: list[str] = []
        self._others = 0

    def files(self) -> FilesBelow:
        folders = [""]
        while folders:
            folders += self._visit(folders.pop())
        known = {os.path.join(self._real_root, path) for path in self._images}
        for path in _sorted(self._links):
            target = os.path.realpath(os.path.join(self._root, path))
            if target in known:
                self._skipped.append(path)
            else:
                known.add(target)
                self._images.append(path)
        return FilesBelow(_sorted(self._images), self._others, sorted(self._skipped))

    def _visit(self, inside: str) -> list[str]:
        """Sorts what is in a folder by what it is; returns the folders in it."""
        with os.scandir(os.path.join(self._root, inside)) as entries:
            found = [entry for entry in entries if not entry.name.startswith(".")]
        folders = []
        for entry in found:
            path = os.path.join(inside, entry.name)
            path.encode()
            if entry.is_dir(follow_symlinks=False):
                folders.append(path)
            elif entry.is_dir():
                self._refuse_elsewhere(path)
                self._skipped.append(path)
            elif not path.lower().endswith(ENDINGS) or _is_special(entry):
                self._others += 1
            elif entry.is_symlink():
                self._links.append(path)
            else:
                self._images.append(path)
        return folders

    def _refuse_elsewhere(self, path: str) -> None:
        target = os.path.realpath(os.path.join(self._root, path))
        is_around = os.path.commonpath((target, self._real_root)) == target
        inner = os.path.relpath(target, self._real_root).split(os.sep)
        if not is_around and any(part.startswith(".") for part in inner):
            raise UserError(
                f"{self._root.rstrip('/')}/{path} is a link to the folder {target}, which is not followed; put"
                f" the folder itself there ('cp -al' copies without taking room on the same disk), or remove the link."
            )


def _is_special(entry: os.DirEntry) -> bool:
    """Whether it is a pipe or a device, which may be read for ever; a link to nothing is none of these."""
    try:
        return not stat.S_ISREG(entry.stat().st_mode)
    except FileNotFoundError:
        return False


def _sorted(paths: list[str]) -> list[str]:
    return sorted(paths, key=lambda path: path.split("/"))


# What a file may be, whatever its name ends with; other formats of Pillow are rarer, and some are programs.
_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP")
_WHITE = (255, 255, 255, 255)


class UndecodableError(Exception):
    """These bytes are no image that can be decoded; it says why."""


def decode(content: bytes) -> np.ndarray:
    """The colours of an image file, as a viewer shows them on a white page.

    An orientation in EXIF is applied. Palettes, grey levels, black and white, and CMYK become red, green and blue; of
    16 bits the upper 8 are used; colour profiles are not. Transparent parts show the white page. Of an animation the
    first picture counts.

    Args:
      content: a JPEG, PNG, BMP, GIF or WebP file.

    Returns:
      uint8 [H, W, 3].

    Raises:
      UndecodableError: the file is none of these, is damaged, or has more pixels than Pillow thinks safe.
    """
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            image.load()
            return np.asarray(_in_colour(_upright(image), image.format == "BMP"))
    except Image.UnidentifiedImageError as error:
        raise UndecodableError("it is no JPEG, PNG, BMP, GIF or WebP file") from error
    except Exception as error:  # Pillow's decoders raise errors of many kinds for files that are damaged.
        raise UndecodableError(reason(error)) from error


def _upright(image: Image.Image) -> Image.Image:
    """The image as EXIF orients it; where its EXIF cannot be read, as it is stored."""
    with contextlib.suppress(Exception):
        return ImageOps.exif_transpose(image)
    return image


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
    """B images.

    Attributes:
      seen: float32 [B, height, width, 3], what an encoder sees, in [0, 255].
      kept: what is kept of each image, in PNG, B objects of type bytes; empty ones where nothing is.
    """

    seen: tf.Tensor
    kept: np.ndarray


class BrokenImageError(Exception):
    """An image is not there or cannot be decoded.

    Attributes:
      path: which, relative to the folder of all images.
      reason: why.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


class ImageReader:
    """Reads JPEG, PNG, BMP, GIF and WebP, whatever a file's name ends with, as `picture.decode` says.

    Of each image the largest part in the middle with the wanted proportions is resized, bilinearly and with
    antialiasing, so that nothing is distorted.
    """

    def __init__(self, root: str, height: int, width: int, kept_side: int, batch_size: int) -> None:
        """Says how to read.

        Args:
          root: the folder of all images.
          height: pixels that an encoder sees.
          width: the same.
          kept_side: pixels a side of what is kept; 0: nothing is.
          batch_size: B at most.
        """
        self._root, self._kept_side, self._batch_size = root, kept_side, batch_size
        self._height, self._width = height, width

    def batches(self, paths: Sequence[str]) -> Iterator[Pixels]:
        """The images in this order.

        Args:
          paths: relative to the root, one or more.

        Raises:
          BrokenImageError: one of them is not there or cannot be decoded.
          UserError: one of them cannot be read.
        """
        pool = ThreadPoolExecutor()
        try:
            # One batch is decoded while the one before is encoded.
            waiting: list[list[Future]] = []
            for start in range(0, len(paths), self._batch_size):
                waiting.append([pool.submit(self._read, path) for path in paths[start : start + self._batch_size]])
                if len(waiting) > 1:
                    yield _together(waiting.pop(0))
            yield _together(waiting.pop())
        finally:
            pool.shutdown(cancel_futures=True)

    def broken(self, paths: Sequence[str]) -> dict[str, str]:
        """Those of the images that are not there or cannot be decoded, and why; UserError where one cannot be read."""
        found = {}
        for path in paths:
            try:
                self._read(path)
            except BrokenImageError as error:
                found[path] = error.reason
        return found

    def _read(self, path: str) -> tuple[tf.Tensor, bytes]:
        file_name = os.path.join(self._root, path)
        try:
            with tf.io.gfile.GFile(file_name, "rb") as file:
                image = tf.constant(decode(file.read()))
        except UndecodableError as error:
            raise BrokenImageError(path, str(error)) from error
        except tf.errors.NotFoundError as error:
            raise BrokenImageError(path, "there is no such file") from error
        except tf.errors.OpError as error:
            raise UserError(
                f"The image {file_name} cannot be read ({reason(error)}); give the same command again when it can"
                " be, which goes on."
            ) from error
        seen = _fitted(image, self._height, self._width)
        if not self._kept_side:
            return seen, b""
        kept = tf.cast(tf.round(_fitted(image, self._kept_side, self._kept_side)), tf.uint8)
        return seen, tf.io.encode_png(kept).numpy()


def _together(images: Sequence[Future]) -> Pixels:
    seen, kept = zip(*(image.result() for image in images), strict=True)
    return Pixels(tf.stack(seen), np.array(kept, object))


def _fitted(image: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """The middle of an image [H, W, 3] in other proportions and sizes: float32 [height, width, 3] in [0, 255]."""
    given_height, given_width = tf.unstack(tf.shape(image)[:2])
    rows = tf.clip_by_value(given_width * height // width, 1, given_height)
    columns = tf.clip_by_value(given_height * width // height, 1, given_width)
    top, left = (given_height - rows) // 2, (given_width - columns) // 2
    middle = tf.cast(image[top : top + rows, left : left + columns], tf.float32)
    return tf.clip_by_value(tf.image.resize(middle, (height, width), antialias=True), 0.0, 255.0)
