"""What lies in a folder that TensorFlow Datasets has prepared: its version, its shards and how many records they hold.

TFDS itself answers a missing folder with its whole catalogue, finds a missing shard only on reaching it and a shortened
one only at the end of an epoch, and wants a `dataset_info.json`, which not every published archive has. So the folder
is resolved and checked here, before anything is read. All paths may be remote ones that `tf.io.gfile` knows, as `gs://…`.
"""

import json
import os
import re

import tensorflow as tf

from tf_emcom.errors import UserError

# A TFRecord is its length, a checksum of that, the record and a checksum of it.
_LENGTH_BYTES = 8
_FRAME_BYTES = _LENGTH_BYTES + 4 + 4
# How a version's folder is called while bin/prepare_features fills it.
UNFINISHED = ".unfinished-"


def default_data_dir() -> str:
    """Returns `$TFDS_DATA_DIR` where it is set, else `~/tensorflow_datasets`."""
    return os.environ.get("TFDS_DATA_DIR") or os.path.join("~", "tensorflow_datasets")


def latest_version(data_dir: str, name: str) -> str:
    """Returns the folder `data_dir/name/<x.y.z>` of the highest version.

    Args:
      data_dir: the folder of all data sets; `~` is the home folder.
      name: the data set.

    Returns:
      A path that has a `features.json`.

    Raises:
      UserError: when there is no such folder, telling what was expected where.
    """
    root = os.path.join(os.path.expanduser(data_dir), name)
    entries = tf.io.gfile.listdir(root) if tf.io.gfile.isdir(root) else []
    entries = [entry.rstrip("/") for entry in entries]  # remote listings end folders with a slash
    versions = [entry for entry in entries if re.fullmatch(r"\d+\.\d+\.\d+", entry)]
    if not versions and any(entry.startswith(UNFINISHED) for entry in entries):
        raise UserError(
            f"The data set {name!r} in {root} is half prepared: give bin/prepare_features the same flags again, and it"
            " goes on."
        )
    folder = os.path.join(root, max(versions, key=_numbers)) if versions else ""
    if not folder or not tf.io.gfile.exists(os.path.join(folder, "features.json")):
        raise UserError(
            f"No prepared data set {name!r} in {folder or root}, where DIR/{name}/<x.y.z>/features.json and "
            f"{name}-<split>.tfrecord-* with DIR = {data_dir} were expected: point --data_dir (or $TFDS_DATA_DIR) "
            "elsewhere, get an archive as the README says under 'Feature folders' (published with the code of "
            "arXiv:2502.12624), or make one of your own images with bin/prepare_features (docs/own_data.md)."
        )
    return folder


def shards_of(folder: str, name: str, split: str) -> list[str]:
    """Returns the paths of all TFRecord files of one split, in order.

    Args:
      folder: what `latest_version` found.
      name: the data set, with which the names of its files begin.
      split: for example "train".

    Returns:
      n paths `folder/<name>-<split>.tfrecord-<i>-of-<n>`.

    Raises:
      UserError: when there is no such split, telling which there are, or when a shard is missing, telling which.
    """
    pattern = re.compile(rf"{re.escape(name)}-(?P<split>\w+)\.tfrecord-(?P<index>\d+)-of-(?P<count>\d+)")
    found = [match for match in map(pattern.fullmatch, tf.io.gfile.listdir(folder)) if match]
    mine = {match.group(): match for match in found if match["split"] == split}
    if not mine:
        there = ", ".join(sorted({match["split"] for match in found})) or "none"
        raise UserError(f"{folder} has no split {split!r} ({name}-{split}.tfrecord-*): the splits there are {there}.")
    counts = {match["count"] for match in mine.values()}
    if len(counts) > 1:
        raise UserError(
            f"{folder} holds shards of {len(counts)} preparations of split {split!r} "
            f"(of-{', of-'.join(sorted(counts))}): keep the files of one of them."
        )
    count = counts.pop()
    names = [f"{name}-{split}.tfrecord-{index:0{len(count)}d}-of-{count}" for index in range(int(count))]
    missing = [shard for shard in names if shard not in mine]
    if missing:
        raise UserError(
            f"{folder} lacks {len(missing)} of {len(names)} shards of split {split!r}, the first of them {missing[0]}: "
            "copy the whole archive again."
        )
    return [os.path.join(folder, shard) for shard in names]


def promised_lengths(folder: str, split: str) -> list[int] | None:
    """Returns how many records each shard should hold by `dataset_info.json`; None where it does not tell."""
    path = os.path.join(folder, "dataset_info.json")
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path) as file:
        splits = json.load(file).get("splits", [])
    for entry in splits:
        if entry.get("name") == split and entry.get("shardLengths"):
            return [int(length) for length in entry["shardLengths"]]
    return None


def count_records(shard: str) -> int:
    """Returns how many records a shard holds, hopping from one record's length to the next.

    Raises:
      UserError: when the file does not end where a record does.
    """
    size, position, count = tf.io.gfile.stat(shard).length, 0, 0
    with tf.io.gfile.GFile(shard, "rb") as file:
        while position < size:
            file.seek(position)
            position += int.from_bytes(file.read(_LENGTH_BYTES), "little") + _FRAME_BYTES
            count += 1
    if position != size:
        raise UserError(f"{shard} is damaged or cut short, in or before record {count:,}: copy it again.")
    return count


def check_lengths(shards: list[str], lengths: list[int]) -> None:
    """Reads every shard and finds the one that does not hold what was promised.

    Args:
      shards: n paths.
      lengths: the number of records that each of them should hold.

    Raises:
      UserError: naming the first wrong shard.
    """
    if len(shards) != len(lengths):
        raise UserError(
            f"{os.path.dirname(shards[0])} has {len(shards)} shards of a split for which its dataset_info.json lists "
            f"{len(lengths)}: copy the whole archive again."
        )
    for shard, length in zip(shards, lengths, strict=True):
        count = count_records(shard)
        if count != length:
            raise UserError(f"{shard} holds {count:,} examples, dataset_info.json says {length:,}: copy it again.")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))
