"""The features that a prepared folder declares, and batches of NumPy arrays from its TFRecords."""

import contextlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tf_emcom import files
from tf_emcom.data.tfds_folder import COPY_AGAIN
from tf_emcom.errors import UserError

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

_BATCH = 1024
_READ_AHEAD_BYTES = 1 << 20
# How TFDS writes the names of its own classes of features; any other name it would import.
_OWN = re.compile(r"tensorflow_datasets\.core\.features\.\w+\.[A-Z]\w+")


def declared_in(folder: str) -> "tfds.features.FeaturesDict":
    """The features that `features.json` in `folder`, a version of a prepared data set, declares.

    UserError where the file is damaged, or names a class that is not TFDS's own; none is imported.
    """
    import tensorflow_datasets as tfds  # slow to import, so only where it is used

    # Not `from_config`: TFDS's own paths know fewer kinds of remote folders.
    path = os.path.join(folder, "features.json")
    content = files.read_json(path, COPY_AGAIN)
    try:
        _check_kinds(json.dumps(content), path)
        declared = tfds.features.FeatureConnector.from_json(content)
        for name in declared:
            _flat({name: declared[name].get_tensor_info()})
    except UserError:
        raise
    except Exception as error:  # TFDS lets through whatever its protocol buffers, NumPy and TensorFlow raise.
        raise UserError(f"{path} is damaged (TFDS cannot read it: {files.reason(error)}); {COPY_AGAIN}.") from error
    if not isinstance(declared, tfds.features.FeaturesDict) or not len(declared):
        raise UserError(f"{path} declares no features by their names; {COPY_AGAIN}.")
    return declared


def features_of(folder: str, names: Sequence[str]) -> "tfds.features.FeaturesDict":
    """The named features of a prepared data set, in this order; UserError, which lists all, where one is missing."""
    declared = declared_in(folder)
    for name in names:
        if name not in declared:
            raise UserError(
                f"{folder} has no feature {name!r}, only {', '.join(sorted(declared))}: choose among these, "
                "or another data set."
            )
    return type(declared)({name: declared[name] for name in names})


def leaves(feature: "tfds.features.FeatureConnector") -> list["tfds.features.TensorInfo"]:
    """The shapes and types of a feature, or of its named parts."""
    return list(_flat({"": feature.get_tensor_info()}).values())


def require_vectors(feature: "tfds.features.FeatureConnector", name: str, folder: str) -> int:
    """F of the inputs; UserError where they are not vectors of numbers of one length."""
    infos = leaves(feature)
    found = f"{len(infos)} named parts"
    if len(infos) == 1:
        shape, dtype = infos[0].shape, infos[0].tf_dtype
        if len(shape) == 1 and shape[0] and (dtype.is_floating or dtype.is_integer):
            return shape[0]
        found = f"the shape {shape} an example and the type {dtype.name}"
    raise UserError(
        f"{name!r} has {found} in {folder}, but agents see vectors of numbers of one length: prepare it as float32 [F]."
    )


def batches(
    shards: Sequence[str], features: "tfds.features.FeaturesDict", image_side: int | None, types: dict[str, tf.DType]
) -> Iterator[dict[str, np.ndarray]]:
    """Reads `features` of the records in TFRecord files, in the order on disk; the rest of a record is not decoded.

    Images are resized to `image_side` pixels a side, None: as they are; `types` is feature ↦ the type that it becomes,
    others keep theirs. Yields name → [B, ...], B up to 1024; a feature made of named parts is [B, parts], in the order
    of the sorted names.
    """
    records = tf.data.TFRecordDataset(shards, buffer_size=_READ_AHEAD_BYTES)
    stored, wanted = _flat(features.get_serialized_info()), _flat(features.get_tensor_info())
    pairs = [(stored[key], wanted[key]) for key in stored]
    if all(None not in i.shape and (i.shape, i.tf_dtype) == (w.shape, w.tf_dtype) for i, w in pairs):
        spec = {key: tf.io.FixedLenFeature(info.shape, _stored_type(info.tf_dtype)) for key, info in stored.items()}
        # One parse for a whole batch: several times faster than decoding example by example.
        decoded = records.batch(_BATCH).map(lambda batch: tf.io.parse_example(batch, spec), tf.data.AUTOTUNE)
    else:
        # Images and features of unknown length have to be decoded one by one.
        def decode(record: tf.Tensor) -> dict[str, tf.Tensor]:
            parts = _flat(features.deserialize_example(record))
            return {key: _resized(value, image_side) for key, value in parts.items()}

        decoded = records.map(decode, tf.data.AUTOTUNE).batch(_BATCH)
    # TensorFlow casts: NumPy takes ten times as long for halves.
    cast = decoded.map(lambda batch: {k: tf.cast(v, types[k]) if k in types else v for k, v in batch.items()})
    for batch in cast.prefetch(2).as_numpy_iterator():
        yield {name: _joined(name, batch) for name in features}


def _check_kinds(text: str, path: str) -> None:
    """UserError where a description, or one that is written as a text within it, names another class."""

    def check(part: dict[str, Any]) -> dict[str, Any]:
        # The newer form has the class under one of the first two keys, the older one under the last.
        for key in ("pythonClassName", "python_class_name", *(["type"] if "content" in part else [])):
            if isinstance(part.get(key), str) and not _OWN.fullmatch(part[key]):
                raise UserError(
                    f"{path} names the class {part[key]!r:.80}, which is none of the features of TFDS; prepare it with"
                    " these."
                )
        if "names_file" in part:
            raise UserError(f"{path} names another file to read ({part['names_file']!r:.80}); {COPY_AGAIN}.")
        for value in part.values():
            if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
                _check_kinds(value, path)
        return part

    # TFDS cannot read a text that is no JSON either.
    with contextlib.suppress(json.JSONDecodeError):
        json.loads(text, object_hook=check)


def _resized(value: tf.Tensor, side: int | None) -> tf.Tensor:
    """An image, uint8 [height, width, channels], resized to `side` pixels a side, None: as it is; others stay."""
    if side is None or value.dtype != tf.uint8 or value.shape.rank != 3:
        return value
    resized = tf.image.resize(tf.cast(value, tf.float32), (side, side), antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)


def _stored_type(dtype: tf.DType) -> tf.DType:
    """The type of a feature in a TFRecord, which knows three of them."""
    if dtype.is_floating:
        return tf.float32
    return tf.string if dtype == tf.string else tf.int64


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested features under the names that they have in a TFRecord, such as "attributes/Bald"."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat |= _flat(value, f"{prefix}{name}/") if isinstance(value, Mapping) else {prefix + name: value}
    return flat


def _joined(name: str, flat: Mapping[str, np.ndarray]) -> np.ndarray:
    """One feature of a batch: itself [B, ...], or its named parts side by side [B, parts]."""
    if name in flat:
        return flat[name]
    parts = [flat[key] for key in sorted(flat) if key.startswith(f"{name}/")]
    if all(part.dtype.kind in "iub" for part in parts):
        # NumPy would make floats of uint64 beside int64.
        parts = [part.astype(np.int64, copy=False) for part in parts]
    return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
