"""One split of a folder that TensorFlow Datasets has prepared."""

import contextlib
import math
import os
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from tf_emcom import files
from tf_emcom.data import label_types, tfds_folder, tfds_records
from tf_emcom.data.source import aligned_empty, require_finite
from tf_emcom.errors import UserError


class TfdsSplit:
    """Reads features of every example, in the order on disk.

    Attributes:
      folder: where it lies.
      split: what it is called there.
      shards: its files.
      lengths: how many examples each of them holds, by `dataset_info.json` or else by counting.
      features: those that can be read.
    """

    def __init__(
        self, folder: str, name: str, split: str, features: Sequence[str], image_side: int | None, inputs_as: tf.DType
    ) -> None:
        """Looks whether everything is there; no example is read yet.

        Args:
          folder: a version of a prepared data set.
          name: the data set.
          split: for example "train"; "valid" stands for "validation", too.
          features: those that will be read, the inputs first.
          image_side: pixels a side that images are resized to; None: as stored.
          inputs_as: the type that inputs become.

        Raises:
          UserError: the split, a shard or a feature is missing.
        """
        self.folder, self.split = folder, tfds_folder.split_called(folder, name, split)
        self._where = f"Split {self.split!r} in {folder}"
        self.shards = tfds_folder.shards_of(folder, name, self.split)
        for shard in self.shards:
            files.require_regular(shard, tfds_folder.COPY_AGAIN)
        self._declared = tfds_records.features_of(folder, features)
        self.features = list(features)
        self._inputs, self._inputs_as, self._image_side = features[0], inputs_as, image_side
        self._types = {name: label_types.type_of(self._declared[name]) for name in self.features}
        label_types.require_vectors(self._declared[self._inputs], self._inputs, folder)
        promised = tfds_folder.promised_lengths(folder, self.split)
        self.is_promised = promised is not None
        self.lengths = promised or tfds_folder.counted_lengths(self.shards, self.split)
        tfds_folder.compare_with_published(name, self.split, self.count)

    @property
    def count(self) -> int:
        """N, how many examples there should be."""
        return sum(self.lengths)

    def texts(self) -> list[str]:
        """Those of the features that are texts, of any length."""
        return [name for name in self.features if self._types[name].hasobject]

    def images(self) -> list[str]:
        """Those of the features that `image_side` concerns."""
        return [name for name in self.features if self._is_image(name)]

    def batches(self, features: Sequence[str], first_shard: int = 0) -> Iterator[dict[str, np.ndarray]]:
        """Feature → [B, ...], in the types that `ByolFolder.load` returns, from a shard on.

        Raises:
          UserError: a file is damaged, or other than features.json says.
        """
        chosen = type(self._declared)({name: self._declared[name] for name in features})
        row, shapes = sum(self.by_shard()[:first_shard]) if first_shard else 0, {}
        with self._faults_said(features):
            for batch in tfds_records.batches(
                self.shards[first_shard:], chosen, self._image_side, {self._inputs: self._inputs_as}
            ):
                label_types.fitting(shapes, batch, self._where)
                typed = {name: self._typed(name, values) for name, values in batch.items()}
                for name, values in typed.items():
                    require_finite(values, name, self._where, row)
                row += len(next(iter(typed.values())))
                yield typed

    def read(self, features: Sequence[str]) -> dict[str, np.ndarray]:
        """Feature → [N, ...], in memory; filled in place, so that nothing is there twice."""
        arrays: dict[str, np.ndarray] = {}
        rows = 0
        for batch in self.batches(features):
            if not arrays:
                self._require_likely()
                arrays = _allocate(batch, self.count)
            size = len(next(iter(batch.values())))
            start, rows = rows, rows + size
            if rows > self.count:
                break
            for name, values in batch.items():
                arrays[name][start:rows] = values
        self.check(rows)
        return arrays

    def check(self, rows: int) -> None:
        """UserError unless `rows`, the examples that came, are as many as there should be, and any at all."""
        if rows != self.count:
            tfds_folder.check_lengths(self.shards, self.lengths)
        if not rows:
            raise UserError(f"{self._where} holds no examples: copy the archive again.")

    def by_shard(self) -> list[int]:
        """How many examples each shard holds; `lengths`, unless these are of other shards than are there."""
        self._require_likely()
        if len(self.lengths) == len(self.shards):
            return self.lengths
        counted = [tfds_folder.count_records(shard) for shard in self.shards]
        if sum(counted) != self.count:
            tfds_folder.check_lengths(self.shards, self.lengths)
        return counted

    def _require_likely(self) -> None:
        """UserError where more examples were promised than the files have room for, before memory is taken."""
        if self.is_promised and not files.is_remote(self.folder):
            with files.file_errors(self.folder, "cannot be read", tfds_folder.COPY_AGAIN):
                size = sum(tf.io.gfile.stat(shard).length for shard in self.shards)
            if self.count * tfds_folder.FRAME_BYTES > size:
                tfds_folder.check_lengths(self.shards, self.lengths)

    def _typed(self, name: str, values: np.ndarray) -> np.ndarray:
        if name == self._inputs:
            return values
        feature, where = self._declared[name], f"The label {name!r} of {self._where[0].lower()}{self._where[1:]}"
        return label_types.typed(values, self._types[name], where, label_types.is_unsigned(feature))

    def _is_image(self, name: str) -> bool:
        import tensorflow_datasets as tfds  # slow to import, so only where it is used

        return isinstance(self._declared[name], tfds.features.Image)

    @contextlib.contextmanager
    def _faults_said(self, features: Sequence[str]) -> Iterator[None]:
        try:
            yield
        except UserError:
            raise
        except tf.errors.DataLossError as error:
            tfds_folder.check_lengths(self.shards, self.lengths)
            raise UserError(f"{self._where} is damaged ({files.reason(error)}): copy it again.") from error
        except (tf.errors.InvalidArgumentError, ValueError, TypeError, KeyError, AttributeError) as error:
            # TFDS, too, finds only on decoding that a description does not fit.
            open_ended = [name for name in features if self._has_open_shape(name)]
            if open_ended and "batch" in str(error):
                raise UserError(label_types.varying("', '".join(open_ended), self._where)) from error
            raise UserError(
                f"{self._where} does not fit the features.json there ({files.reason(error)}): copy both again."
            ) from error
        except files.FILE_ERRORS as error:
            raise UserError(
                f"{self._where} cannot be read ({files.reason(error)}): look at its files, or copy it again."
            ) from error

    def _has_open_shape(self, name: str) -> bool:
        resized = self._image_side is not None and self._is_image(name)
        return not resized and any(None in info.shape for info in tfds_records.leaves(self._declared[name]))


def _allocate(batch: dict[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    shapes = {name: (count, *values.shape[1:]) for name, values in batch.items()}
    wanted = sum(math.prod(shape) * batch[name].dtype.itemsize for name, shape in shapes.items())
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if wanted > memory:
        raise UserError(
            f"{count:,} examples of {', '.join(batch)} take {wanted / 2**30:,.1f} GiB and this machine has "
            f"{memory / 2**30:,.1f} GiB of memory: load fewer labels or use a larger machine."
        )
    return {name: aligned_empty(shape, batch[name].dtype) for name, shape in shapes.items()}
