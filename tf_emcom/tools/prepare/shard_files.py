"""Files and folders of a data set of features: shards, their notes, descriptions for TFDS, and the disk below them."""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import tensorflow as tf

from tf_emcom.data.tfds_folder import FRAME_BYTES
from tf_emcom.errors import UserError
from tf_emcom.files import (
    FILE_ERRORS,
    NEW,
    checksum,
    file_errors,
    is_remote,
    json_lines,
    read_json_lines,
    replacing,
    try_lock,
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


@contextlib.contextmanager
def whole_file(path: str) -> Iterator[tf.io.TFRecordWriter]:
    """A file of records that gets its name when all of them are written, in place of one that may be there.

    UserError where it cannot be written.
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
    """Writes features.json, dataset_info.json and the names of classes beside the shards in a folder.

    `schema` are the features of an example, `made` is split → the notes of its shards. UserError where it fails.
    """
    import tensorflow_datasets as tfds

    infos = [
        tfds.core.SplitInfo(
            name=split,
            shard_lengths=[written.examples for written in parts],
            num_bytes=sum(written.bytes - FRAME_BYTES * written.examples for written in parts),
        )
        for split, parts in made.items()
    ]
    with writing(folder):
        tfds.folder_dataset.write_metadata(
            data_dir=folder, features=schema, split_infos=infos, version=version, check_data=False
        )


def make_folder(path: str) -> None:
    """Makes a folder and those above it; UserError where that is not possible."""
    with file_errors(f"The folder {path}", "cannot be made", "name another --data_dir"):
        tf.io.gfile.makedirs(path)


def remove_folder(path: str) -> None:
    """Removes a folder with all that is in it, where there is one; UserError where that is not possible."""
    with file_errors(f"The folder {path}", "cannot be removed", "get the rights to change it, or remove it yourself"):
        if tf.io.gfile.exists(path):
            tf.io.gfile.rmtree(path)


def remove_unfinished(folder: str) -> None:
    """Deletes files that killed processes left half written in a folder, where there is one."""
    with file_errors(folder):
        if tf.io.gfile.isdir(folder):
            for entry in tf.io.gfile.listdir(folder):
                if entry.endswith(NEW):
                    tf.io.gfile.remove(os.path.join(folder, entry))


@contextlib.contextmanager
def locked(path: str) -> Iterator[bool]:
    """Makes a folder where it is missing, and locks the folder itself for one process.

    Yields whether it is locked: cloud storage and some network file systems have no locks, which a note says. UserError
    where another process has it, or it cannot be made.
    """
    make_folder(path)
    if is_remote(path):
        yield False
        return
    held = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        got = try_lock(held)
        if got is False:
            raise UserError(f"Another process is preparing {path}; wait until it ends, or choose another --name.")
        if got is None:
            print(f"Note: the file system of {path} has no locks; let no second process prepare it.", file=sys.stderr)
        yield got is True
    finally:
        os.close(held)


def require_room(path: str, needed: int) -> None:
    """UserError unless so many bytes are free on the disk of a folder; nothing is checked for remote ones."""
    if is_remote(path):
        return
    about = os.statvfs(path)
    free = about.f_bavail * about.f_frsize
    if needed > free:
        raise UserError(
            f"What is still to write takes about {needed / 1e9:,.2f} GB in {path}, where {free / 1e9:,.2f} GB are free;"
            " make room, name another --data_dir, or keep smaller images with --keep_images."
        )
