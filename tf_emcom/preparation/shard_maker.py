"""Makes one shard: reads its images, encodes them, writes them down."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.preparation.feature_extractor import FeatureExtractor
from tf_emcom.preparation.feature_set import schema_of
from tf_emcom.preparation.image_folder import Image, ImageFolder
from tf_emcom.preparation.image_reader import BrokenImageError, ImageReader
from tf_emcom.preparation.shard import Shard, Written, whole_file, writing

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
