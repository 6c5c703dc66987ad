"""Image files, decoded side by side and brought to the size that an encoder sees."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.files import reason
from tf_emcom.preparation.picture import UndecodableError, decode


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
