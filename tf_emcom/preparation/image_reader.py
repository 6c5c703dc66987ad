"""Image files, decoded side by side and brought to the size that an encoder sees."""

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf


class Pixels(NamedTuple):
    """B images.

    Attributes:
      seen: float32 [B, height, width, 3], what an encoder sees, in [0, 255].
      kept: what is kept of each image, in PNG, B objects of type bytes; empty ones where nothing is.
    """

    seen: tf.Tensor
    kept: np.ndarray


class ImageReader:
    """Reads JPEG, PNG, BMP, GIF and WebP, whatever a file's name ends with; of an animation, the first picture.

    Of each image the largest part in the middle with the wanted proportions is resized, bilinearly and with
    antialiasing, so that nothing is distorted. Grey images become coloured ones, transparency is dropped, and an
    orientation in EXIF is not applied.
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
          tf.errors.OpError: one of them cannot be read or decoded; `broken` tells which.
        """
        files = [os.path.join(self._root, path) for path in paths]
        read = tf.data.Dataset.from_tensor_slices(files).map(self._read, tf.data.AUTOTUNE, deterministic=True)
        for seen, kept in read.batch(self._batch_size).prefetch(2):
            yield Pixels(seen, kept.numpy())

    def broken(self, paths: Sequence[str]) -> dict[str, str]:
        """Those of the images that cannot be read or decoded, and why."""
        found = {}
        for path in paths:
            try:
                self._read(tf.constant(os.path.join(self._root, path)))
            except tf.errors.OpError as error:
                found[path] = _reason(error)
        return found

    def _read(self, path: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image = tf.io.decode_image(tf.io.read_file(path), channels=3, expand_animations=False)
        image.set_shape((None, None, 3))
        seen = _fitted(image, self._height, self._width)
        if not self._kept_side:
            return seen, tf.constant(b"")
        return seen, tf.io.encode_png(tf.cast(tf.round(_fitted(image, self._kept_side, self._kept_side)), tf.uint8))


def _fitted(image: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """The middle of an image [H, W, 3] in other proportions and sizes: float32 [height, width, 3] in [0, 255]."""
    given_height, given_width = tf.unstack(tf.shape(image)[:2])
    rows = tf.clip_by_value(given_width * height // width, 1, given_height)
    columns = tf.clip_by_value(given_height * width // height, 1, given_width)
    top, left = (given_height - rows) // 2, (given_width - columns) // 2
    middle = tf.cast(image[top : top + rows, left : left + columns], tf.float32)
    return tf.clip_by_value(tf.image.resize(middle, (height, width), antialias=True), 0.0, 255.0)


def _reason(error: tf.errors.OpError) -> str:
    """What TensorFlow says, without the names of its operations."""
    return error.message.splitlines()[0].partition(" [Op:")[0].rpartition("}} ")[2].strip()
