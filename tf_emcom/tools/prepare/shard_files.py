"""A data set of features as TFDS reads it, and its shards, written whole."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.files import FILE_ERRORS, checksum, file_errors, json_checksum, read_json, replacing, write_whole
from tf_emcom.tools.prepare.image_folder import Image

_FIX = (
    "make room or get the rights to write there, and start the same command again, which goes on, or name another"
    " --data_dir"
)
# A TFRecord's length, and the checksums of that and of the record.
FRAME_BYTES = 16


class Written(NamedTuple):
    """What is known of a shard that is whole.

    Attributes:
      examples: how many it holds.
      bytes: the size of its file.
      features: F.
      source: the stamp of the images that it was made of.
      left_out: the paths of images that could not be decoded.
    """

    examples: int
    bytes: int
    features: int
    source: int
    left_out: list[str]


class Shard(NamedTuple):
    """A part of a split.

    Attributes:
      split: for example "train".
      images: those that it holds.
      path: its file.
      note: the file that says that it is whole.
    """

    split: str
    images: Sequence[Image]
    path: str
    note: str

    def written(self, root: str) -> Written | None:
        """What is known of it, None unless its file is whole and the images below `root` are still the same."""
        if not tf.io.gfile.exists(self.note) or not tf.io.gfile.exists(self.path):
            return None
        try:
            content = read_json(self.note, "")
            written = content.pop("checksum", None)
            found = Written(**content)
        except (UserError, TypeError):
            return None
        if written != json_checksum(content):
            return None
        is_whole = tf.io.gfile.stat(self.path).length == found.bytes
        return found if is_whole and found.source == self.stamp(root) else None

    def keep(self, written: Written) -> None:
        """Writes its note; UserError where that is not possible."""
        content = written._asdict()
        write_whole(self.note, json.dumps({**content, "checksum": json_checksum(content)}))

    def forget(self) -> None:
        """Removes its note, so that it is written again."""
        tf.io.gfile.remove(self.note)

    def stamp(self, root: str) -> int:
        """A checksum of the sizes and times of its images."""
        total = 0
        for image in self.images:
            try:
                about = tf.io.gfile.stat(os.path.join(root, image.path))
                stands = f"{about.length}\0{about.mtime_nsec}"
            except tf.errors.OpError:
                stands = "cannot be read"
            total = checksum(f"{image.path}\0{stands}\n", total)
        return total


def shards_of(name: str, splits: Mapping[str, Sequence[Image]], shard_size: int, data: str, notes: str) -> list[Shard]:
    """Divides splits into files of `shard_size` images, the last of each perhaps of fewer.

    Args:
      name: the data set.
      splits: split → its images.
      shard_size: images a file, 1 or more.
      data: the folder of the files.
      notes: the folder of what is known of them.
    """
    shards = []
    for split, images in splits.items():
        count = -(-len(images) // shard_size)
        for index in range(count):
            file = f"{name}-{split}.tfrecord-{index:05d}-of-{count:05d}"
            part = images[index * shard_size : (index + 1) * shard_size]
            shards.append(Shard(split, part, os.path.join(data, file), os.path.join(notes, f"{file}.json")))
    return shards


@contextlib.contextmanager
def whole_file(path: str) -> Iterator[tf.io.TFRecordWriter]:
    """A file of records that gets its name when all of them are written, in place of one that may be there.

    Raises:
      UserError: it cannot be written.
    """
    with replacing(path, _FIX) as new:
        with writing(path):
            writer = tf.io.TFRecordWriter(new)
        try:
            yield writer
            with writing(path):
                writer.close()
        except BaseException:
            with contextlib.suppress(*FILE_ERRORS):
                writer.close()
            raise


def writing(path: str) -> contextlib.AbstractContextManager[None]:
    """Within it, what a file system refuses is a UserError."""
    return file_errors(path, fix=_FIX)


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
