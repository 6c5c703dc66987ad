"""A data set of features, as TensorFlow Datasets keeps it."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tf_emcom.preparation.shard import FRAME_BYTES, Shard, Written, writing

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

# Games a step in gin/*_features.gin.
_BATCH = 64


class FeatureSet(NamedTuple):
    """What was prepared.

    Attributes:
      name: the data set.
      path: its folder, `DIR/<name>/<version>`.
      about: what it was made of: "images", "classes", "examples", "features", "left_out" and more.
    """

    name: str
    path: str
    about: dict[str, Any]

    def summary(self) -> str:
        """A line or two for people, and the command that trains on it."""
        about = self.about
        splits = ", ".join(f"{split} {count:,}" for split, count in about["examples"].items())
        classes = f", {about['classes']} classes" if about["classes"] else ""
        left_out = about["left_out"]
        missing = f"Left out, since they cannot be decoded: {', '.join(left_out)}.\n" if left_out else ""
        data_dir = os.path.dirname(os.path.dirname(self.path))
        # A batch holds no example twice.
        few = about["examples"].get("train", _BATCH) < _BATCH
        smaller = f" --gin_param=batch_size={about['examples']['train']}" if few else ""
        return (
            f"{missing}{self.path}: {splits}; {about['features']:,} features{classes}. Train on it with\n"
            f"bin/train --gin_file=gin/nlg_features.gin --gin_param='data_name=\"{self.name}\"'{smaller}"
            f" --data_dir={data_dir}"
        )


def schema_of(classes: Sequence[str], features: int, kept_side: int) -> "tfds.features.FeaturesDict":
    """What an example has: `logit` float32 [F] and `image_id`; `label` where there are classes, perhaps `image`."""
    import tensorflow_datasets as tfds  # slow to import, so only where it is used

    schema = {
        "logit": tfds.features.Tensor(shape=(features,), dtype=np.float32),
        "image_id": tfds.features.Text(),
    }
    if classes:
        schema["label"] = tfds.features.ClassLabel(names=classes)
    if kept_side:
        schema["image"] = tfds.features.Image(shape=(kept_side, kept_side, 3), encoding_format="png")
    return tfds.features.FeaturesDict(schema)


def write_metadata(
    folder: str, schema: "tfds.features.FeaturesDict", version: str, made: Sequence[tuple[Shard, Written]]
) -> None:
    """Writes features.json, dataset_info.json and the names of classes beside the shards.

    Raises:
      UserError: they cannot be written.
    """
    import tensorflow_datasets as tfds

    by_split: dict[str, list[Written]] = {}
    for shard, written in made:
        by_split.setdefault(shard.split, []).append(written)
    infos = [
        tfds.core.SplitInfo(
            name=split,
            shard_lengths=[written.examples for written in parts],
            num_bytes=sum(written.bytes - FRAME_BYTES * written.examples for written in parts),
        )
        for split, parts in by_split.items()
    ]
    with writing(folder):
        tfds.folder_dataset.write_metadata(
            data_dir=folder, features=schema, split_infos=infos, version=version, check_data=False
        )
