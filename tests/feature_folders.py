"""Writes small folders of TensorFlow Datasets as they are published, for tests: public TFDS functions only."""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf


class WrittenFolder(NamedTuple):
    """What was written: `splits` is split → feature → array [N, ...], in the order on disk."""

    data_dir: str  # what --data_dir takes
    path: str  # data_dir/name/version
    splits: dict[str, dict[str, np.ndarray]]


def write_byol_folder(
    root: str | os.PathLike[str],
    name: str = "byol_imagenet2012",
    examples: Mapping[str, int] | None = None,
    features: int = 2048,
    classes: int | None = 1000,
    seed: int = 0,
    with_info: bool = True,
    shards: int = 2,
    version: str = "1.0.0",
) -> WrittenFolder:
    """Writes `root/name/version` with logit float32 [features] and label; `classes` None: only the logit."""
    import tensorflow_datasets as tfds

    rng = np.random.default_rng(seed)
    schema = {"logit": tfds.features.Tensor(shape=(features,), dtype=np.float32)}
    if classes is not None:
        schema["label"] = tfds.features.ClassLabel(num_classes=classes)
    splits = {}
    for split, count in (examples or {"train": 96, "valid": 32, "test": 64}).items():
        splits[split] = {"logit": rng.standard_normal((count, features), dtype=np.float32)}
        if classes is not None:
            splits[split]["label"] = rng.integers(classes, size=count)
    rows = {
        split: [dict(zip(arrays, row, strict=True)) for row in zip(*arrays.values(), strict=True)]
        for split, arrays in splits.items()
    }
    path = os.path.join(root, name, version)
    write_folder(path, name, tfds.features.FeaturesDict(schema), rows, shards, with_info)
    return WrittenFolder(str(root), path, splits)


def write_celeba_folder(
    root: str | os.PathLike[str],
    name: str = "byol_celeb_a2",
    examples: Mapping[str, int] | None = None,
    features: int = 2048,
    identities: int = 10178,
    seed: int = 0,
    with_info: bool = False,
    shards: int = 5,
    version: str = "1.0.0",
    image: bool = True,
) -> WrittenFolder:
    """Writes all features of CelebA; without its `dataset_info.json` unless asked for, as it is published.

    In `splits`, attributes are [N, 40] and landmarks [N, 10] with the parts in the order of their sorted names; images
    are not there, because JPEG does not keep them exactly.
    """
    import tensorflow_datasets as tfds

    rng = np.random.default_rng(seed)
    flags = [f"Flag_{index:02d}" for index in range(40)]
    points = [f"point{index}_{axis}" for index in range(5) for axis in "xy"]
    schema: dict[str, Any] = {
        "logit": tfds.features.Tensor(shape=(features,), dtype=np.float32),
        "label": np.int64,
        "attributes": {flag: np.bool_ for flag in reversed(flags)},
        "landmarks": {point: np.int64 for point in points},
        "image_id": tfds.features.Text(),
    }
    if image:
        schema["image"] = tfds.features.Image(shape=(218, 178, 3), encoding_format="jpeg")
    splits, rows = {}, {}
    for split, count in (examples or {"train": 24, "valid": 8, "test": 8}).items():
        arrays = {
            "logit": rng.standard_normal((count, features), dtype=np.float32),
            "label": rng.integers(1, identities + 1, size=count),
            "attributes": rng.integers(2, size=(count, 40)),
            "landmarks": rng.integers(178, size=(count, 10)),
            "image_id": np.array([f"{index:06d}.jpg".encode() for index in rng.integers(202599, size=count)], object),
        }
        splits[split] = arrays
        rows[split] = [dict(zip(arrays, row, strict=True)) for row in zip(*arrays.values(), strict=True)]
        for row in rows[split]:
            row["attributes"] = dict(zip(flags, row["attributes"].astype(bool), strict=True))
            row["landmarks"] = dict(zip(points, row["landmarks"], strict=True))
            if image:
                row["image"] = rng.integers(256, size=(218, 178, 3), dtype=np.uint8)
    path = os.path.join(root, name, version)
    write_folder(path, name, tfds.features.FeaturesDict(schema), rows, shards, with_info)
    return WrittenFolder(str(root), path, splits)


def write_records(path: str, records: list[bytes]) -> None:
    """Writes one TFRecord file, over what is there."""
    with tf.io.TFRecordWriter(path) as writer:
        for record in records:
            writer.write(record)


def write_folder(
    path: str, name: str, features: Any, rows: Mapping[str, list[dict]], shards: int = 2, with_info: bool = True
) -> None:
    """Writes a version of a data set, `path`, with any `features` (FeaturesDict): split → examples."""
    import tensorflow_datasets as tfds

    tf.io.gfile.makedirs(path)
    infos = []
    for split, examples in rows.items():
        edges = [len(examples) * shard // shards for shard in range(shards + 1)]
        lengths, size = [], 0
        for shard in range(shards):
            records = [features.serialize_example(row) for row in examples[edges[shard] : edges[shard + 1]]]
            write_records(os.path.join(path, f"{name}-{split}.tfrecord-{shard:05d}-of-{shards:05d}"), records)
            lengths.append(len(records))
            size += sum(map(len, records))
        infos.append(tfds.core.SplitInfo(name=split, shard_lengths=lengths, num_bytes=size))
    tfds.folder_dataset.write_metadata(data_dir=path, features=features, split_infos=infos)
    if not with_info:
        tf.io.gfile.remove(os.path.join(path, "dataset_info.json"))
