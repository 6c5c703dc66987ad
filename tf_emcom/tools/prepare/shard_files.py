"""Files of a data set of features: shards, their notes, and descriptions for TFDS."""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import tensorflow as tf

from tf_emcom.data.tfds_folder import FRAME_BYTES
from tf_emcom.errors import UserError
from tf_emcom.files import (
    NEW,
    checksum,
    file_errors,
    is_remote,
    json_lines,
    read_json_lines,
    replacing,
    write_whole,
)
from tf_emcom.tools.prepare.image_folder import Image

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

_FIX = (
    "make room or get the rights to write there, and run the same command again to resume, or name another --data_dir"
)


class Written(NamedTuple):
    """The note about a shard that is whole."""

    examples: int
    bytes: int  # of its file
    features: int  # F
    source: int  # the stamp of the images that it was made of
    left_out: list[str]  # the paths of images that could not be decoded


class Shard(NamedTuple):
    """A part of a split."""

    split: str
    images: Sequence[Image]
    path: str  # of its file
    note: str  # the path of the file that says that it is whole

    def written(self, root: str) -> Written | None:
        """Its note; None unless its file is whole and the images below `root` are still the same."""
        if not tf.io.gfile.exists(self.note) or not tf.io.gfile.exists(self.path):
            return None
        try:
            (content,) = read_json_lines(self.note, "")
            found = Written(**content)
        except (ValueError, TypeError):
            return None
        is_whole = tf.io.gfile.stat(self.path).length == found.bytes
        return found if is_whole and found.source == self.stamp(root) else None

    def keep(self, written: Written) -> None:
        """Writes its note; UserError where that is not possible."""
        write_whole(self.note, json_lines([written._asdict()]))

    def stamp(self, root: str) -> int:
        """A checksum of the sizes and times of its images."""
        total = 0
        for image in self.images:
            try:
                about = tf.io.gfile.stat(os.path.join(root, image.path))
                state = f"{about.length}\0{about.mtime_nsec}"
            except tf.errors.OpError:
                state = "cannot be read"
            total = checksum(f"{image.path}\0{state}\n", total)
        return total


def shards_of(name: str, splits: Mapping[str, Sequence[Image]], shard_size: int, data: str, notes: str) -> list[Shard]:
    """Divides splits, each with its images, into files of `shard_size` images, the last of each perhaps of fewer.

    `name` is the data set, `data` the folder of the files and `notes` that of their notes.
    """
    shards = []
    for split, images in splits.items():
        count = -(-len(images) // shard_size)
        for index in range(count):
            file = f"{name}-{split}.tfrecord-{index:05d}-of-{count:05d}"
            part = images[index * shard_size : (index + 1) * shard_size]
            shards.append(Shard(split, part, os.path.join(data, file), os.path.join(notes, f"{file}.json")))
    return shards


def write_records(path: str, records: Iterable[bytes]) -> int:
    """Writes a file of records, which gets its name when all are written, in place of one that may be there.

    Returns how many there are. UserError where it cannot be written.
    """
    count = 0
    with replacing(path, _FIX) as new:
        with file_errors(path, fix=_FIX):
            writer = tf.io.TFRecordWriter(new)
        try:
            for record in records:
                with file_errors(path, fix=_FIX):
                    writer.write(record)
                count += 1
        finally:
            with file_errors(path, fix=_FIX):
                writer.close()
    return count


def schema_of(classes: Sequence[str], features: int, kept_side: int) -> "tfds.features.FeaturesDict":
    """The features of an example: `logit` float32 [F], `image_id`; `label` where there are classes, perhaps `image`."""
    import tensorflow_datasets as tfds  # slow to import, so only where it is used

    schema = {"logit": tfds.features.Tensor(shape=(features,), dtype=np.float32), "image_id": tfds.features.Text()}
    if classes:
        schema["label"] = tfds.features.ClassLabel(names=classes)
    if kept_side:
        schema["image"] = tfds.features.Image(shape=(kept_side, kept_side, 3), encoding_format="png")
    return tfds.features.FeaturesDict(schema)


def write_metadata(
    folder: str, schema: "tfds.features.FeaturesDict", version: str, made: Mapping[str, Sequence[Written]]
) -> None:
    """Writes features.json, dataset_info.json and the names of classes beside the shards; `made` is split → notes."""
    import tensorflow_datasets as tfds

    infos = [
        tfds.core.SplitInfo(
            name=split,
            shard_lengths=[written.examples for written in parts],
            num_bytes=sum(written.bytes - FRAME_BYTES * written.examples for written in parts),
        )
        for split, parts in made.items()
    ]
    tfds.folder_dataset.write_metadata(
        data_dir=folder, features=schema, split_infos=infos, version=version, check_data=False
    )


def remove_unfinished(folder: str) -> None:
    """Deletes files that killed processes left half written in a folder, where there is one."""
    for name in tf.io.gfile.listdir(folder) if tf.io.gfile.isdir(folder) else []:
        if name.endswith(NEW):
            tf.io.gfile.remove(os.path.join(folder, name))


def require_room(path: str, needed: int) -> None:
    """UserError unless so many bytes are free on the disk of a folder; nothing is checked for remote ones."""
    if is_remote(path):
        return
    free = shutil.disk_usage(path).free
    if needed > free:
        raise UserError(
            f"What is still to write takes about {needed / 1e9:,.2f} GB in {path}, where {free / 1e9:,.2f} GB are free;"
            " make room, name another --data_dir, or keep smaller images with --keep_images."
        )
