"""Shards of a data set of features: what was encoded of their images, and their files for TFDS."""

import io
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import tensorflow as tf

from tf_emcom.data.tfds_folder import FRAME_BYTES
from tf_emcom.errors import UserError
from tf_emcom.files import FILE_ERRORS, checksum, file_errors, is_remote, reason, replacing, write_whole
from tf_emcom.tools.prepare.image_folder import Image

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

_FIX = (
    "make room or get the rights to write there, and run the same command again to resume, or name another --data_dir"
)


class Shard(NamedTuple):
    """A part of a split."""

    split: str
    images: Sequence[Image]
    file: str  # the name of its file of records
    encoded: str  # the path of arrays: "features" float32 [n, F], "kept" images, paths "left_out" and "source", a stamp

    def is_encoded(self, root: str) -> bool:
        """Whether its arrays are there, and the images below `root` are still the same."""
        try:
            return tf.io.gfile.exists(self.encoded) and int(self.read("source")) == self.stamp(root)
        except UserError:
            return False

    def read(self, name: str) -> np.ndarray:
        """One of its arrays; UserError where the file is damaged, and then the next process makes it again."""
        try:
            with tf.io.gfile.GFile(self.encoded, "rb") as file, np.load(file) as arrays:
                return arrays[name]
        except FILE_ERRORS:
            raise
        except Exception as error:  # zipfile and NumPy raise errors of many types for damaged files.
            tf.io.gfile.remove(self.encoded)
            raise UserError(
                f"{self.encoded} was damaged after it was written ({reason(error)}); check the disk, and run the same"
                " command again, which encodes these images again."
            ) from error

    def write(self, **arrays: np.ndarray | int) -> None:
        """Writes its arrays as a whole; UserError where that is not possible."""
        content = io.BytesIO()
        np.savez(content, **arrays)
        write_whole(self.encoded, content.getvalue())

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

    def write_records(self, folder: str, schema: "tfds.features.FeaturesDict", features: np.ndarray) -> int:
        """Writes the file of records of `features` [n, F], in place of one that may be there; returns its bytes.

        UserError where it cannot be written.
        """
        left_out = set(self.read("left_out").tolist())
        images = [image for image in self.images if image.path not in left_out]
        path, kept = os.path.join(folder, self.file), self.read("kept").tolist()
        with replacing(path, _FIX) as new, file_errors(path, fix=_FIX), tf.io.TFRecordWriter(new) as writer:
            for parts in zip(images, features, kept, strict=True):
                writer.write(_record(schema, *parts))
        return tf.io.gfile.stat(path).length


def shards_of(name: str, splits: Mapping[str, Sequence[Image]], shard_size: int, encoded: str) -> list[Shard]:
    """Divides the splits of the data set `name` into shards of `shard_size` images; `encoded` is their folder."""
    shards = []
    for split, images in splits.items():
        count = -(-len(images) // shard_size)
        for index in range(count):
            file = f"{name}-{split}.tfrecord-{index:05d}-of-{count:05d}"
            part = images[index * shard_size : (index + 1) * shard_size]
            shards.append(Shard(split, part, file, os.path.join(encoded, f"{file}.npz")))
    return shards


def schema_of(classes: Sequence[str], features: int, kept_side: int) -> "tfds.features.FeaturesDict":
    """The features of an example: `logit` float32 [F], `image_id`; `label` where there are classes, perhaps `image`."""
    import tensorflow_datasets as tfds  # slow to import, so only where it is used

    schema = {"logit": tfds.features.Tensor(shape=(features,), dtype=np.float32), "image_id": tfds.features.Text()}
    if classes:
        schema["label"] = tfds.features.ClassLabel(names=classes)
    if kept_side:
        schema["image"] = tfds.features.Image(shape=(kept_side, kept_side, 3), encoding_format="png")
    return tfds.features.FeaturesDict(schema)


def _record(schema: "tfds.features.FeaturesDict", image: Image, features: np.ndarray, kept: bytes) -> bytes:
    known = {"logit": features, "image_id": image.path, "label": image.label, "image": kept}
    record = schema.serialize_example({name: known[name] for name in schema})
    # Without `deterministic`, the order of the features differs between processes.
    return tf.train.Example.FromString(record).SerializeToString(deterministic=True)


def write_metadata(
    folder: str, schema: "tfds.features.FeaturesDict", version: str, made: Mapping[str, Iterable[tuple[int, int]]]
) -> None:
    """Writes features.json, dataset_info.json and the names of classes; `made` is split → examples, bytes of shards."""
    import tensorflow_datasets as tfds

    infos = []
    for split, shards in made.items():
        lengths = [examples for examples, _ in shards]
        num_bytes = sum(size for _, size in shards) - FRAME_BYTES * sum(lengths)
        infos.append(tfds.core.SplitInfo(name=split, shard_lengths=lengths, num_bytes=num_bytes))
    tfds.folder_dataset.write_metadata(
        data_dir=folder, features=schema, split_infos=infos, version=version, check_data=False
    )


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
