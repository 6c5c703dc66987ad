"""One split of a folder that TensorFlow Datasets has prepared."""

import contextlib
import os
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from tf_emcom.data import tfds_folder, tfds_records
from tf_emcom.data.zero_copy import aligned_empty
from tf_emcom.errors import UserError

# The exponent of a float16 that is no finite number.
_INFINITE = 0x7C00


class TfdsSplit:
    """Reads features of every example, in the order on disk.

    Attributes:
      folder: where it lies.
      shards: its files.
      lengths: how many examples each of them holds, by `dataset_info.json` or else by counting.
      features: those that can be read.
    """

    def __init__(
        self, folder: str, name: str, split: str, features: Sequence[str], image_side: int | None, inputs_as: tf.DType
    ) -> None:
        """Looks whether everything is there; nothing is read yet.

        Args:
          folder: a version of a prepared data set.
          name: the data set.
          split: for example "train".
          features: those that will be read, the inputs first.
          image_side: pixels a side that images are resized to; None: as stored.
          inputs_as: the type that inputs become.

        Raises:
          UserError: the split, a shard or a feature is missing.
        """
        self.folder, self._split = folder, split
        self.shards = tfds_folder.shards_of(folder, name, split)
        self._declared = tfds_records.features_of(folder, features)
        self.features = list(features)
        self._inputs, self._inputs_as, self._image_side = features[0], inputs_as, image_side
        promised = tfds_folder.promised_lengths(folder, split)
        self.lengths = promised or [tfds_folder.count_records(shard) for shard in self.shards]

    @property
    def count(self) -> int:
        """N, how many examples there should be."""
        return sum(self.lengths)

    def texts(self) -> list[str]:
        """Those of the features that are texts, of any length."""
        return [name for name in self.features if self._declared[name].tf_dtype == tf.string]

    def images(self) -> list[str]:
        """Those of the features that `image_side` concerns."""
        return [name for name in self.features if self._is_image(name)]

    def batches(self, features: Sequence[str], first_shard: int = 0) -> Iterator[dict[str, np.ndarray]]:
        """Feature → [B, ...], in the types that `ByolFolder.load` returns, from a shard on.

        Raises:
          UserError: a file is damaged, or other than features.json says.
        """
        chosen = type(self._declared)({name: self._declared[name] for name in features})
        types = {self._inputs: self._inputs_as}
        with self._faults_told():
            for batch in tfds_records.batches(self.shards[first_shard:], chosen, self._image_side, types):
                if self._inputs in batch:
                    self._check_finite(batch[self._inputs])
                yield {name: values if name == self._inputs else _typed(values) for name, values in batch.items()}

    def read(self, features: Sequence[str]) -> dict[str, np.ndarray]:
        """Feature → [N, ...], in memory; filled in place, so that nothing is there twice."""
        arrays: dict[str, np.ndarray] = {}
        rows = 0
        for batch in self.batches(features):
            if not arrays:
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
            raise UserError(f"Split {self._split!r} in {self.folder} holds no examples: copy the archive again.")

    def by_shard(self) -> list[int]:
        """How many examples each shard holds; `lengths`, unless these are of other shards than are there."""
        if len(self.lengths) == len(self.shards):
            return self.lengths
        counted = [tfds_folder.count_records(shard) for shard in self.shards]
        if sum(counted) != self.count:
            tfds_folder.check_lengths(self.shards, self.lengths)
        return counted

    def _check_finite(self, inputs: np.ndarray) -> None:
        # The bits are compared, since NumPy is slow with halves.
        if inputs.dtype == np.float16 and ((inputs.view(np.uint16) & _INFINITE) == _INFINITE).any():
            raise UserError(
                f"Split {self._split!r} in {self.folder} has numbers beyond {np.finfo(np.float16).max:,.0f}, the"
                ' largest of float16: bind ByolFolder.stored_as to "bfloat16" or "float32".'
            )

    def _is_image(self, name: str) -> bool:
        import tensorflow_datasets as tfds  # slow to import, so only where it is used

        return isinstance(self._declared[name], tfds.features.Image)

    @contextlib.contextmanager
    def _faults_told(self) -> Iterator[None]:
        try:
            yield
        except tf.errors.DataLossError as error:
            tfds_folder.check_lengths(self.shards, self.lengths)
            raise UserError(
                f"Split {self._split!r} in {self.folder} is damaged ({error.message}): copy it again."
            ) from error
        except tf.errors.InvalidArgumentError as error:
            raise UserError(
                f"Split {self._split!r} in {self.folder} does not fit the features.json there ({error.message}): copy"
                " both again."
            ) from error


def _allocate(batch: dict[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    shapes = {name: (count, *values.shape[1:]) for name, values in batch.items()}
    wanted = sum(int(np.prod(shape)) * batch[name].dtype.itemsize for name, shape in shapes.items())
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if wanted > memory:
        raise UserError(
            f"{count:,} examples of {', '.join(batch)} take {wanted / 2**30:,.1f} GiB and this machine has "
            f"{memory / 2**30:,.1f} GiB of memory: load fewer labels or use a larger machine."
        )
    return {name: aligned_empty(shape, batch[name].dtype) for name, shape in shapes.items()}


def _typed(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "f":
        return values.astype(np.float32, copy=False)
    is_image = values.dtype == np.uint8 and values.ndim == 4
    return values if is_image or values.dtype.kind not in "iub" else values.astype(np.int32, copy=False)
