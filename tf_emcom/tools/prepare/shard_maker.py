"""Makes shards of features from shards of images."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.files import reason
from tf_emcom.tools.prepare.encoders import Network
from tf_emcom.tools.prepare.image_folder import Image, ImageFolder
from tf_emcom.tools.prepare.images import BrokenImageError, ImageReader
from tf_emcom.tools.prepare.shard_files import Shard, Written, schema_of, whole_file, writing


class FeatureExtractor:
    """Runs an encoder on batches of one size: a smaller batch is filled up, so that what comes does not depend on it.

    Attributes:
      features: F, how many numbers an image becomes.
    """

    def __init__(self, network: Network, batch_size: int) -> None:
        """Tries the encoder on a batch of grey images.

        Args:
          network: what the encoder was built to.
          batch_size: B.

        Raises:
          UserError: what comes out are not B arrays of floats, or there is not enough memory.
        """
        self._batch_size = batch_size
        self._shape = (batch_size, network.height, network.width, 3)
        self._encode = tf.function(network.encode, input_signature=[tf.TensorSpec(self._shape)])
        found = self._run(tf.fill(self._shape, 127.0))
        if found.shape.rank < 2 or found.shape[0] != batch_size or not found.dtype.is_floating:
            raise UserError(
                f"The encoder makes {found.dtype.name} {found.shape.as_list()} of {batch_size} images, but an array of"
                " floats is needed for each of them; choose another encoder or another of its signatures."
            )
        self.features = math.prod(found.shape[1:])

    def extract(self, images: tf.Tensor) -> np.ndarray:
        """Images [n, height, width, 3] in [0, 255], n up to B, to float32 [n, F]."""
        missing = self._batch_size - images.shape[0]
        found = self._run(tf.pad(images, [(0, missing), (0, 0), (0, 0), (0, 0)]))
        return tf.cast(tf.reshape(found, (self._batch_size, -1))[: images.shape[0]], tf.float32).numpy()

    def _run(self, images: tf.Tensor) -> tf.Tensor:
        try:
            return self._encode(images)
        except tf.errors.ResourceExhaustedError as error:
            raise UserError(
                f"There is not enough memory for {self._batch_size} images at a time; give a smaller --batch_size."
            ) from error
        except (tf.errors.InvalidArgumentError, ValueError) as error:
            raise UserError(
                f"The encoder cannot take images of {self._shape[1]} × {self._shape[2]} pixels ({reason(error)});"
                " give another --image_size."
            ) from error


# Images, and whether they end a file.
Advance = Callable[[int, bool], None]


class ShardMaker:
    """Batches begin anew with each shard, so that what is in a shard does not depend on what was made before it."""

    def __init__(
        self,
        folder: ImageFolder,
        reader: ImageReader,
        extractor: FeatureExtractor,
        kept_side: int,
        skips_broken: bool,
    ) -> None:
        """Says of what and how.

        Args:
          folder: where images lie.
          reader: how they are read.
          extractor: what makes features of them.
          kept_side: pixels a side of the images that are kept, 0: none are.
          skips_broken: whether images that cannot be decoded are left out.
        """
        self._root, self._reader, self._extractor = folder.root, reader, extractor
        self._has_labels, self._keeps_images, self._skips_broken = bool(folder.classes), kept_side > 0, skips_broken
        self._schema = schema_of(folder.classes, extractor.features, kept_side)

    def make(self, shard: Shard, advance: Advance) -> Written:
        """Writes a shard, and the note that it is whole.

        Args:
          shard: which.
          advance: told of the images that are done.

        Raises:
          UserError: an image cannot be decoded and none is left out, features are no finite numbers, or the file cannot
            be written.
        """
        stamp = shard.stamp(self._root)
        left_out: list[str] = []
        try:
            examples = self._write(shard, shard.images, advance)
        except _Unreadable as error:
            left_out = self._broken(shard, error)
            good = [image for image in shard.images if image.path not in left_out]
            # Progress was told of this shard's images already, as far as it came.
            advance(-error.images, False)
            examples = self._write(shard, good, advance)
        advance(len(left_out), True)
        size = tf.io.gfile.stat(shard.path).length
        written = Written(examples, size, self._extractor.features, stamp, left_out)
        shard.keep(written)
        return written

    def _write(self, shard: Shard, images: Sequence[Image], advance: Advance) -> int:
        done = 0
        with whole_file(shard.path) as writer:
            batches = self._reader.batches([image.path for image in images]) if images else iter(())
            while True:
                try:
                    pixels = next(batches, None)
                except BrokenImageError as error:
                    raise _Unreadable(done, error) from error
                if pixels is None:
                    return done
                here = images[done : done + len(pixels.kept)]
                features = self._finite(self._extractor.extract(pixels.seen), here)
                records = [self._record(*parts) for parts in zip(here, features, pixels.kept, strict=True)]
                with writing(shard.path):
                    for record in records:
                        writer.write(record)
                done += len(here)
                advance(len(here), False)

    def _record(self, image: Image, features: np.ndarray, kept: bytes) -> bytes:
        example: dict[str, Any] = {"logit": features, "image_id": image.path}
        if self._has_labels:
            example["label"] = image.label
        if self._keeps_images:
            example["image"] = kept
        record = self._schema.serialize_example(example)
        # Protocol buffers order the features anew in each process, unless they are told not to.
        return tf.train.Example.FromString(record).SerializeToString(deterministic=True)

    def _finite(self, features: np.ndarray, images: Sequence[Image]) -> np.ndarray:
        wrong = ~np.isfinite(features).all(axis=1)
        if wrong.any():
            raise UserError(
                f"The encoder makes numbers of {images[int(wrong.argmax())].path} that are not finite; look at its"
                " weights and at the --pixel_range that it expects."
            )
        return features

    def _broken(self, shard: Shard, error: "_Unreadable") -> list[str]:
        """The paths of images that cannot be decoded; UserError unless they are left out."""
        broken = self._reader.broken([image.path for image in shard.images])
        if not broken:
            raise error.reason
        path, reason = next(iter(broken.items()))
        if not self._skips_broken:
            more = f", and {len(broken) - 1} more in this file" if len(broken) > 1 else ""
            raise UserError(
                f"The image {self._root}/{path} cannot be decoded ({reason}){more}; repair it in place, or give"
                " --skip_broken to leave such images out: the same command goes on."
            ) from error.reason
        return list(broken)


class _Unreadable(Exception):
    """An image of a shard cannot be read; `images` of it were done before."""

    def __init__(self, images: int, reason: BrokenImageError) -> None:
        super().__init__(str(reason))
        self.images, self.reason = images, reason
