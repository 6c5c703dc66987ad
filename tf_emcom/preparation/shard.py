"""One file of examples: which images it holds, and its writing."""

import contextlib
import json
import os
import uuid
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.files import FILE_ERRORS, file_errors, read_json, write_whole
from tf_emcom.preparation.image_folder import Image

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
            checksum = content.pop("checksum", None)
            found = Written(**content)
        except (UserError, TypeError):
            return None
        if checksum != _checksum(content):
            return None
        is_whole = tf.io.gfile.stat(self.path).length == found.bytes
        return found if is_whole and found.source == self.stamp(root) else None

    def keep(self, written: Written) -> None:
        """Writes its note; UserError where that is not possible."""
        content = written._asdict()
        write_whole(self.note, json.dumps({**content, "checksum": _checksum(content)}))

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
            total = zlib.crc32(f"{image.path}\0{stands}\n".encode(), total)
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
    new = f"{path}.{uuid.uuid4().hex[:8]}.new"
    with writing(path):
        writer = tf.io.TFRecordWriter(new)
    try:
        yield writer
        with writing(path):
            writer.close()
            tf.io.gfile.rename(new, path, overwrite=True)
    except BaseException:
        with contextlib.suppress(*FILE_ERRORS):
            writer.close()
        with contextlib.suppress(*FILE_ERRORS):
            tf.io.gfile.remove(new)
        raise


def writing(path: str) -> contextlib.AbstractContextManager[None]:
    """Within it, what a file system refuses is a UserError."""
    again = "start the same command again, which goes on, or name another --data_dir"
    return file_errors(path, fix=f"make room or get the rights to write there, and {again}")


def _checksum(content: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())
