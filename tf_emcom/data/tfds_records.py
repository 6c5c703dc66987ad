"""From the TFRecords of a prepared folder to batches of NumPy arrays, decoding only the features that are wanted."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tf_emcom.errors import UserError

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

_BATCH = 1024
_READ_AHEAD_BYTES = 1 << 20


def declared_in(folder: str) -> "tfds.features.FeaturesDict":
    """Returns the features that `features.json` in `folder`, a version of a prepared data set, declares."""
    import tensorflow_datasets as tfds  # slow to import, so only where it is used

    # Not `from_config`: TFDS's own paths know fewer kinds of remote folders.
    with tf.io.gfile.GFile(os.path.join(folder, "features.json")) as file:
        return tfds.features.FeatureConnector.from_json(json.load(file))


def features_of(folder: str, names: Sequence[str]) -> "tfds.features.FeaturesDict":
    """Returns the wanted ones of the features of a prepared data set, in this order.

    Raises:
      UserError: when one of them is not there, telling which are.
    """
    declared = declared_in(folder)
    for name in names:
        if name not in declared:
            raise UserError(
                f"{folder} has no feature {name!r}, only {', '.join(sorted(declared))}: choose among these, "
                "or another data set."
            )
    return type(declared)({name: declared[name] for name in names})


def batches(
    shards: Sequence[str],
    features: "tfds.features.FeaturesDict",
    image_side: int | None = None,
    types: Mapping[str, tf.DType] | None = None,
) -> Iterator[dict[str, np.ndarray]]:
    """Reads records in the order on disk.

    Args:
      shards: paths of TFRecord files.
      features: what to decode; the rest of a record is skipped.
      image_side: pixels a side that images are resized to; None: as they are.
      types: feature ↦ the type that it becomes; others keep theirs.

    Yields:
      name → [B, ...], B up to 1024. A feature made of named parts is [B, parts], in the order of the sorted names.

    Raises:
      tf.errors.DataLossError: when a file is damaged or ends within a record.
      tf.errors.InvalidArgumentError: when the records do not fit `features`.
    """
    records = tf.data.TFRecordDataset(shards, buffer_size=_READ_AHEAD_BYTES)
    stored, wanted = _flat(features.get_serialized_info()), _flat(features.get_tensor_info())
    if all(_lies_as_is(stored[key], wanted[key]) for key in stored):
        spec = {key: tf.io.FixedLenFeature(info.shape, _stored_type(info.tf_dtype)) for key, info in stored.items()}
        # One parse for a whole batch: several times faster than decoding example by example.
        decoded = records.batch(_BATCH).map(lambda batch: tf.io.parse_example(batch, spec), tf.data.AUTOTUNE)
    else:
        # Images and features of unknown length have to be decoded one by one.
        decoded = records.map(
            lambda record: _resized(_flat(features.deserialize_example(record)), image_side), tf.data.AUTOTUNE
        )
        decoded = decoded.batch(_BATCH)
    # TensorFlow casts: NumPy takes ten times as long for halves.
    cast = decoded.map(lambda batch: {k: tf.cast(v, types[k]) if types and k in types else v for k, v in batch.items()})
    for batch in cast.prefetch(2).as_numpy_iterator():
        yield {name: _joined(name, batch) for name in features}


def _resized(example: dict[str, tf.Tensor], side: int | None) -> dict[str, tf.Tensor]:
    """The example with its images, uint8 [height, width, channels], at `side` pixels a side."""
    if side is None:
        return example

    def resize(value: tf.Tensor) -> tf.Tensor:
        if value.dtype != tf.uint8 or value.shape.rank != 3:
            return value
        resized = tf.image.resize(tf.cast(value, tf.float32), (side, side), antialias=True)
        return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)

    return {name: resize(value) for name, value in example.items()}


def _lies_as_is(stored: "tfds.features.TensorInfo", wanted: "tfds.features.TensorInfo") -> bool:
    return None not in stored.shape and stored.shape == wanted.shape and stored.tf_dtype == wanted.tf_dtype


def _stored_type(dtype: tf.DType) -> tf.DType:
    """Returns the one of a TFRecord's three types as which a feature lies there."""
    if dtype.is_floating:
        return tf.float32
    return tf.string if dtype == tf.string else tf.int64


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns nested features under the names that they have in a TFRecord, as "attributes/Bald"."""
    flat = {}
    for name, value in tree.items():
        flat |= _flat(value, f"{prefix}{name}/") if isinstance(value, Mapping) else {prefix + name: value}
    return flat


def _joined(name: str, flat: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns one feature of a batch: itself [B, ...], or its named parts side by side [B, parts]."""
    if name in flat:
        return flat[name]
    parts = [flat[key] for key in sorted(flat) if key.startswith(f"{name}/")]
    return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
