"""One split of a folder that TensorFlow Datasets has prepared."""

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tf_emcom import files
from tf_emcom.data import tfds_folder, tfds_records
from tf_emcom.data.source import aligned_empty, require_finite
from tf_emcom.errors import UserError

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

# Declared types with more bits than int32 has.
_WIDE = frozenset((tf.int64, tf.uint64, tf.uint32))


class TfdsSplit:
    """Reads features of every example, in the order on disk.

    `folder` is a version of the data set `name`. Of `features` the inputs come first, and become `inputs_as`;
    images become `image_side` pixels a side, None: as stored. UserError where something is not there.

    Attributes:
      split: its name in the folder; "valid" also stands for "validation".
      shards: the paths of its files.
      lengths: how many examples each of them holds, by `dataset_info.json` or else by counting.
      is_promised: whether `dataset_info.json` has the lengths.
      count: N, how many examples there should be.
      texts, images: those of the features that are texts, and those that `image_side` concerns.
    """

    def __init__(
        self, folder: str, name: str, split: str, features: Sequence[str], image_side: int | None, inputs_as: tf.DType
    ) -> None:
        import tensorflow_datasets as tfds  # slow to import, so only where it is used

        self.name, self.folder = name, folder
        self.split, self.shards = tfds_folder.shards_of(folder, name, split)
        self._where = f"Split {self.split!r} in {folder}"
        for shard in self.shards:
            files.require_regular(shard, tfds_folder.COPY_AGAIN)
        self._declared = tfds_records.features_of(folder, features)
        self.features = list(features)
        self._inputs, self._inputs_as, self._image_side = features[0], inputs_as, image_side
        self._types = {name: _type_of(self._declared[name]) for name in features}
        self.texts = [name for name in features if self._types[name].hasobject]
        self.images = [name for name in features if isinstance(self._declared[name], tfds.features.Image)]
        tfds_records.require_vectors(self._declared[self._inputs], self._inputs, folder)
        promised = tfds_folder.promised_lengths(folder, self.split)
        self.is_promised = promised is not None
        self.lengths = promised or tfds_folder.counted_lengths(self.shards, self.split)
        self.count = sum(self.lengths)
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._require_likely()
        tfds_folder.compare_with_published(name, self.split, self.count)

    def batches(
        self, features: Sequence[str], shard: int | None = None, row: int = 0
    ) -> Iterator[dict[str, np.ndarray]]:
        """Yields feature → [B, ...], in the types that `ByolFolder.load` returns; of one shard, None: of all.

        `row` is the number of its first example in the split, for messages. UserError where a file is damaged, or does
        not fit features.json.
        """
        chosen = type(self._declared)({name: self._declared[name] for name in features})
        shards = self.shards if shard is None else [self.shards[shard]]
        with self._errors_explained(features):
            types = {self._inputs: self._inputs_as}
            for batch in tfds_records.batches(shards, chosen, self._image_side, types):
                for name, values in batch.items():
                    # The first batch says which shape examples have.
                    is_array = isinstance(values, np.ndarray)
                    if not is_array or self._shapes.setdefault(name, values.shape[1:]) != values.shape[1:]:
                        raise UserError(self._varying(name))
                    batch[name] = self._typed(name, values)
                    require_finite(batch[name], name, self._where, row)
                row += len(next(iter(batch.values())))
                yield batch

    def read(self, features: Sequence[str]) -> dict[str, np.ndarray]:
        """Feature → [N, ...], in memory; filled in place, so that nothing is there twice."""
        arrays: dict[str, np.ndarray] = {}
        rows = 0
        for batch in self.batches(features):
            arrays = arrays or _allocate(batch, self.count)
            size = len(next(iter(batch.values())))
            start, rows = rows, rows + size
            if rows > self.count:
                break
            for name, values in batch.items():
                arrays[name][start:rows] = values
        self.check(rows)
        return arrays

    def check(self, rows: int) -> None:
        """UserError unless the number of rows that were read is the right one, and not 0."""
        if rows != self.count:
            tfds_folder.check_lengths(self.shards, self.lengths)
        if not rows:
            raise UserError(f"{self._where} holds no examples: copy the archive again.")

    def _require_likely(self) -> None:
        """UserError where more examples were promised than the files have room for, before memory is taken."""
        if self.is_promised and not files.is_remote(self.folder):
            with files.file_errors(self.folder, "cannot be read", tfds_folder.COPY_AGAIN):
                size = sum(tf.io.gfile.stat(shard).length for shard in self.shards)
            if self.count * tfds_folder.FRAME_BYTES > size:
                tfds_folder.check_lengths(self.shards, self.lengths)

    def _typed(self, name: str, values: np.ndarray) -> np.ndarray:
        """Values of any type in that of the feature; UserError where a whole number is too large for it."""
        dtype = self._types[name]
        if name == self._inputs or dtype.hasobject:
            return values
        if dtype.kind != "i" or values.dtype == bool:
            return values.astype(dtype, copy=False)
        limits = np.iinfo(dtype)
        wide = values.astype(np.int64, copy=False)
        low, high = (int(wide.min()), int(wide.max())) if wide.size else (0, 0)
        if low < 0 and any(info.tf_dtype == tf.uint64 for info in tfds_records.leaves(self._declared[name])):
            # A TFRecord has only the bits of a uint64, so that large ones come as negative numbers.
            high = low + 2**64
        if low < limits.min or high > limits.max:
            raise UserError(
                f"The label {name!r} of split {self.split!r} in {self.folder} has the number"
                f" {high if high > limits.max else low}, which its type here, {dtype.name}, cannot hold; use smaller"
                " numbers, or prepare it with the type int64."
            )
        return wide.astype(dtype, copy=False)

    @contextlib.contextmanager
    def _errors_explained(self, features: Sequence[str]) -> Iterator[None]:
        try:
            yield
        except UserError:  # a ValueError, too
            raise
        except tf.errors.DataLossError as error:
            tfds_folder.check_lengths(self.shards, self.lengths)
            raise UserError(f"{self._where} is damaged ({files.reason(error)}): copy it again.") from error
        except (tf.errors.InvalidArgumentError, ValueError, TypeError, KeyError, AttributeError) as error:
            # TFDS, too, finds only on decoding that a description does not fit.
            fixed = self.images if self._image_side is not None else ()
            shapes = {name: [leaf.shape for leaf in tfds_records.leaves(self._declared[name])] for name in features}
            open_ended = [name for name in features if name not in fixed and any(None in s for s in shapes[name])]
            if open_ended and "batch" in str(error):
                raise UserError(self._varying("', '".join(open_ended))) from error
            raise UserError(
                f"{self._where} does not fit the features.json there ({files.reason(error)}): copy both again."
            ) from error
        except files.FILE_ERRORS as error:
            raise UserError(
                f"{self._where} cannot be read ({files.reason(error)}): look at its files, or copy it again."
            ) from error

    def _varying(self, names: str) -> str:
        return (
            f"Examples of {names!r} in {self._where} differ in shape, but a label has one shape: bind"
            " ByolFolder.image_side to resize images, load other labels only, or prepare it with one shape."
        )


def _type_of(feature: "tfds.features.FeatureConnector") -> np.dtype:
    """The type in memory of a feature, or of one made of named parts.

    That is object for texts, float32 for floats, uint8 for images [height, width, channels]; int64 for whole numbers
    that are declared with more bits than int32 has, int32 for others, for booleans and for classes.
    """
    import tensorflow_datasets as tfds

    infos = tfds_records.leaves(feature)
    dtypes = [info.tf_dtype for info in infos]
    if tf.string in dtypes:
        return np.dtype(object)
    if any(dtype.is_floating for dtype in dtypes):
        return np.dtype(np.float32)
    if dtypes == [tf.uint8] and len(infos[0].shape) == 3:
        return np.dtype(np.uint8)
    # TFDS declares classes as int64, but 32 bits hold any number of classes.
    is_class = isinstance(feature, tfds.features.ClassLabel)
    return np.dtype(np.int64 if not is_class and _WIDE & set(dtypes) else np.int32)


def _allocate(batch: dict[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    """Feature → an empty array [count, ...]; UserError where this machine has not enough memory."""
    shapes = {name: (count, *values.shape[1:]) for name, values in batch.items()}
    wanted = sum(math.prod(shape) * batch[name].dtype.itemsize for name, shape in shapes.items())
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if wanted > memory:
        raise UserError(
            f"{count:,} examples of {', '.join(batch)} take {wanted / 2**30:,.1f} GiB and this machine has "
            f"{memory / 2**30:,.1f} GiB of memory: load fewer labels or use a larger machine."
        )
    return {name: aligned_empty(shape, batch[name].dtype) for name, shape in shapes.items()}
