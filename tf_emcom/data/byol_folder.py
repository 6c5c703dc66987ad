"""Features that a BYOL network made of images, as published: folders of TensorFlow Datasets."""

import os
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from tf_emcom.data import tfds_folder, tfds_records
from tf_emcom.data.examples import Examples
from tf_emcom.errors import UserError, require_integer

_INPUTS = "logit"


class ByolFolder:
    """The data set in `data_dir/name/<highest x.y.z>`, read as it lies on disk; no builder code is needed.

    Known names: byol_imagenet2012 (logit, label), byol_celeb_a2 (logit, label, attributes, landmarks, image_id, image),
    byol_celeb_a2_noimg (without the images) and byol_celeb_a2_logits (only the logit). A `dataset_info.json` is not
    needed; where there is one, the number of examples read is held against it.

    Attributes:
      name: the data set.
    """

    def __init__(self, name: str, data_dir: str | None = None, image_side: int | None = None) -> None:
        """Says what to read; nothing is read yet.

        Args:
          name: the data set, for example "byol_imagenet2012".
          data_dir: the folder of all data sets; None: `$TFDS_DATA_DIR` where set, else `~/tensorflow_datasets`.
          image_side: pixels a side that images are resized to while they are read; None: as stored, which for CelebA
            are 23 GB.

        Raises:
          UserError: when `image_side` is no number of pixels.
        """
        if image_side is not None:
            require_integer("ByolFolder.image_side", image_side, 1, "images are resized to so many pixels a side")
        self.name = name
        self._data_dir = data_dir
        self._image_side = image_side

    def features(self) -> int:
        """F, as features.json says; UserError where the folder is missing, or inputs are no vectors of one length."""
        declared = tfds_records.features_of(self._folder(), [_INPUTS])[_INPUTS].shape
        if len(declared) != 1 or declared[0] is None:
            raise UserError(
                f"{_INPUTS!r} has the shape {declared} an example, but agents see vectors of one length: prepare it as"
                " [F]."
            )
        return declared[0]

    def labels(self) -> list[str]:
        """Every feature besides the inputs, as features.json says."""
        return [name for name in tfds_records.declared_in(self._folder()) if name != _INPUTS]

    def load(self, split: str, labels: Sequence[str] | None = None) -> Examples:
        """Reads one split into memory, in the order on disk.

        Args:
          split: "train", "valid", "test" or "test_official".
          labels: features to load besides the inputs; None: all. What is not named is not decoded, so images cost
            nothing then.

        Returns:
          Examples with inputs float32 [N, F] and labels as named: integers and booleans as int32, floats as float32,
          images as uint8 [N, height, width, 3], texts as objects of type bytes. A feature made of named parts, as the
          40 attributes are, is one array [N, parts] with the parts in the order of their sorted names.

        Raises:
          UserError: when the folder, the split, a shard or a label is missing, when a shard is damaged or too short, or
            when the split is larger than the memory of this machine.
        """
        folder = self._folder()
        shards = tfds_folder.shards_of(folder, self.name, split)
        wanted = self.labels() if labels is None else labels
        features = tfds_records.features_of(folder, [_INPUTS, *wanted])
        lengths = tfds_folder.promised_lengths(folder, split) or [tfds_folder.count_records(shard) for shard in shards]
        try:
            arrays, rows = _fill(tfds_records.batches(shards, features, self._image_side), sum(lengths))
        except tf.errors.DataLossError as error:
            tfds_folder.check_lengths(shards, lengths)
            raise UserError(f"Split {split!r} in {folder} is damaged ({error.message}): copy it again.") from error
        except tf.errors.InvalidArgumentError as error:
            raise UserError(
                f"Split {split!r} in {folder} does not fit the features.json there ({error.message}): copy both again."
            ) from error
        if rows != sum(lengths):
            tfds_folder.check_lengths(shards, lengths)
        if not rows:
            raise UserError(f"Split {split!r} in {folder} holds no examples: copy the archive again.")
        return Examples(arrays.pop(_INPUTS), arrays)

    def _folder(self) -> str:
        return tfds_folder.latest_version(self._data_dir or tfds_folder.default_data_dir(), self.name)


def _fill(batches: Iterator[dict[str, np.ndarray]], count: int) -> tuple[dict[str, np.ndarray], int]:
    """Returns name → [count, ...], filled in place so that nothing is in memory twice, and the rows that came."""
    arrays: dict[str, np.ndarray] = {}
    rows = 0
    for batch in batches:
        if not arrays:
            arrays = _allocate(batch, count)
        start, rows = rows, rows + len(batch[_INPUTS])
        if rows > count:
            break
        for name, values in batch.items():
            arrays[name][start:rows] = values
    return arrays, rows


def _allocate(batch: dict[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    shapes = {name: (count, *values.shape[1:]) for name, values in batch.items()}
    types = {name: _type_in_memory(values) for name, values in batch.items()}
    wanted = sum(int(np.prod(shape)) * types[name].itemsize for name, shape in shapes.items())
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if wanted > memory:
        raise UserError(
            f"{count:,} examples of {', '.join(batch)} take {wanted / 2**30:,.1f} GiB and this machine has "
            f"{memory / 2**30:,.1f} GiB of memory: load fewer labels or use a larger machine."
        )
    if len(shapes[_INPUTS]) != 2:
        raise UserError(
            f"{_INPUTS!r} has the shape {shapes[_INPUTS][1:]} an example, but agents see vectors: prepare it as [F]."
        )
    return {name: np.empty(shape, types[name]) for name, shape in shapes.items()}


def _type_in_memory(values: np.ndarray) -> np.dtype:
    if values.dtype.kind == "f":
        return np.dtype(np.float32)
    is_image = values.dtype == np.uint8 and values.ndim == 4
    return values.dtype if is_image or values.dtype.kind not in "iub" else np.dtype(np.int32)
