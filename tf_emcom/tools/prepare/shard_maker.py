"""Makes shards of features from shards of images."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.files import reason
from tf_emcom.tools.prepare.encoders import Network
from tf_emcom.tools.prepare.image_folder import Image, ImageFolder
from tf_emcom.tools.prepare.images import ImageReader
from tf_emcom.tools.prepare.shard_files import Shard, Written, schema_of, write_records


class FeatureExtractor:
    """Runs an encoder on batches of one size; smaller ones are filled up, so that their size makes no difference."""

    def __init__(self, network: Network, batch_size: int) -> None:
        """Tries the encoder on a batch of grey images.

        UserError where its output is not one array of floats for each, or there is not enough memory.
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
        self.features = math.prod(found.shape[1:])  # F, how many numbers an image becomes

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


class ShardMaker:
    """Makes shards; each starts with a new batch, so that its content does not depend on what was made before it."""

    def __init__(
        self, folder: ImageFolder, reader: ImageReader, extractor: FeatureExtractor, kept_side: int, skips_broken: bool
    ) -> None:
        """`kept_side`: pixels a side of the images that are kept, 0: none; broken images may be skipped."""
        self._root, self._reader, self._extractor = folder.root, reader, extractor
        self._has_labels, self._keeps_images, self._skips_broken = bool(folder.classes), kept_side > 0, skips_broken
        self._schema = schema_of(folder.classes, extractor.features, kept_side)

    def make(self, shard: Shard, advance: Callable[[int], object]) -> Written:
        """Writes a shard, and the note that it is whole; returns the note.

        `advance` is called with numbers of images that are done. UserError where an image cannot be decoded and is not
        to be left out, features are not finite, or the file cannot be written.
        """
        stamp, broken = shard.stamp(self._root), {}
        examples = write_records(shard.path, self._records(shard, broken, advance))
        advance(len(broken))
        length = tf.io.gfile.stat(shard.path).length
        written = Written(examples, length, self._extractor.features, stamp, list(broken))
        shard.keep(written)
        return written

    def _records(self, shard: Shard, broken: dict[str, str], advance: Callable[[int], object]) -> Iterator[bytes]:
        """The records of the images that can be decoded; others go to `broken`: path ↦ why."""
        images = {image.path: image for image in shard.images}
        for pixels in self._reader.batches(list(images), broken):
            if broken and not self._skips_broken:
                continue  # to find the others
            features = self._extractor.extract(pixels.seen)
            if not (finite := np.isfinite(features).all(axis=1)).all():
                raise UserError(
                    f"The encoder makes numbers of {pixels.paths[int(finite.argmin())]} that are not finite; look at"
                    " its weights and at the --pixel_range that it expects."
                )
            for path, *parts in zip(pixels.paths, features, pixels.kept, strict=True):
                yield self._record(images[path], *parts)
            advance(len(pixels.paths))
        if broken and not self._skips_broken:
            path, reason = next(iter(broken.items()))
            more = f", and {len(broken) - 1} more in this file" if len(broken) > 1 else ""
            raise UserError(
                f"The image {self._root}/{path} cannot be decoded ({reason}){more}; repair it in place, or add"
                " --skip_broken to leave such images out, and run the same command again to resume."
            )

    def _record(self, image: Image, features: np.ndarray, kept: bytes) -> bytes:
        example: dict[str, Any] = {"logit": features, "image_id": image.path}
        if self._has_labels:
            example["label"] = image.label
        if self._keeps_images:
            example["image"] = kept
        record = self._schema.serialize_example(example)
        # Without `deterministic`, the order of the features differs between processes.
        return tf.train.Example.FromString(record).SerializeToString(deterministic=True)
