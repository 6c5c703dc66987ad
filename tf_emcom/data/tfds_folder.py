"""A folder that TensorFlow Datasets has prepared: its version, its shards and how many records they hold.

TFDS itself answers a missing folder with its whole catalogue, finds a missing shard only on reaching it and a shortened
one only at the end of an epoch, and wants a `dataset_info.json`, which not every published archive has. So the folder
is found and checked here, before anything is read. All paths may be remote ones that `tf.io.gfile` knows, as `gs://…`.
"""

import os
import re
import sys
from collections.abc import Sequence

import tensorflow as tf

from tf_emcom import files
from tf_emcom.errors import UserError

# A TFRecord is its length, a checksum of that, the record and a checksum of it.
_LENGTH_BYTES = 8
FRAME_BYTES = _LENGTH_BYTES + 4 + 4
# The prefix of a version's folder while tf-emcom prepare-features fills it.
UNFINISHED = ".unfinished-"
COPY_AGAIN = "copy the whole archive again"
# Names of the split between training and test.
_VALIDATION = ("valid", "validation", "val")
_VERSION = re.compile(r"\d+\.\d+\.\d+")
# Numbers of images behind the published features: ImageNet's training set, and CelebA as EaS splits it.
_PUBLISHED = {
    "byol_imagenet2012": {"train": 1_281_167},
    **dict.fromkeys(
        ("byol_celeb_a2", "byol_celeb_a2_noimg", "byol_celeb_a2_logits"),
        {"train": 169_444, "valid": 16_669, "test": 16_486},
    ),
}


def default_data_dir() -> str:
    """`$TFDS_DATA_DIR` where it is set, else `~/tensorflow_datasets`."""
    return os.environ.get("TFDS_DATA_DIR") or os.path.join("~", "tensorflow_datasets")


def latest_version(data_dir: str, name: str) -> str:
    """Returns the folder `data_dir/name/<x.y.z>` of the highest version; it has a `features.json`.

    In `data_dir`, `~` is the home folder. `name` is the data set, or `name/config` where it has several configurations;
    the only one need not be named. UserError where there is no such folder, with what was expected where.
    """
    home = data_dir if files.is_remote(data_dir) else os.path.abspath(os.path.expanduser(data_dir))
    root = os.path.join(home, name)
    entries = files.names_in(root)
    versions = [entry for entry in entries if _VERSION.fullmatch(entry)]
    if not versions and any(entry.startswith(UNFINISHED) for entry in entries):
        raise UserError(
            f"The data set {name!r} in {root} is half prepared: run tf-emcom prepare-features with the same flags"
            " again to finish it."
        )
    if not versions and (configs := [entry for entry in entries if _has_versions(os.path.join(root, entry))]):
        if len(configs) > 1:
            raise UserError(
                f"The data set {name!r} in {root} has the configurations {', '.join(configs)}: bind ByolFolder.name to"
                f' one of them, as in "{name}/{configs[0]}".'
            )
        return latest_version(data_dir, f"{name}/{configs[0]}")
    versions.sort(key=lambda version: [int(number) for number in version.split(".")])
    folder = os.path.join(root, versions[-1]) if versions else ""
    if not folder or not tf.io.gfile.exists(os.path.join(folder, "features.json")):
        raise UserError(
            f"No prepared data set {name!r} in {folder or root}, where DIR/{name}/<x.y.z>/features.json and "
            f"{_prefix(name)}-<split>.tfrecord-* with DIR = {data_dir} were expected: point --data_dir (or"
            " $TFDS_DATA_DIR) elsewhere, get an archive as docs/data.md says under 'Feature folders' (published with"
            " the code of arXiv:2502.12624), or make one of your own images with tf-emcom prepare-features"
            " (docs/own_data.md)."
        )
    return folder


def splits_of(folder: str, name: str) -> dict[str, dict[str, str]]:
    """Split ↦ the name of each of its TFRecord files ↦ how many there should be, as digits."""
    pattern = re.compile(rf"{re.escape(_prefix(name))}-(?P<split>\w+)\.tfrecord-\d+-of-(?P<count>\d+)")
    found: dict[str, dict[str, str]] = {}
    for match in filter(None, map(pattern.fullmatch, files.names_in(folder))):
        found.setdefault(match["split"], {})[match.group()] = match["count"]
    return found


def shards_of(folder: str, name: str, split: str) -> tuple[str, list[str]]:
    """The name of a split and its n paths `folder/<name>-<split>.tfrecord-<i>-of-<n>`, in order.

    The validation split may have one of its usual names. UserError where there is no such split, or a shard is missing.
    """
    there = splits_of(folder, name)
    known = [each for each in ([split, *_VALIDATION] if split in _VALIDATION else [split]) if each in there]
    if not known:
        raise UserError(
            f"{folder} has no split {split!r} ({_prefix(name)}-{split}.tfrecord-*): the splits there are"
            f" {', '.join(there) or 'none'}."
        )
    split = known[0]
    counts = {*there[split].values()}
    if len(counts) > 1:
        raise UserError(
            f"{folder} holds shards of {len(counts)} preparations of split {split!r} "
            f"(of-{', of-'.join(sorted(counts))}): keep the files of one of them."
        )
    count = counts.pop()
    names = [f"{_prefix(name)}-{split}.tfrecord-{i:0{len(count)}d}-of-{count}" for i in range(int(count))]
    if missing := [shard for shard in names if shard not in there[split]]:
        raise UserError(
            f"{folder} lacks {len(missing)} of {int(count)} shards of split {split!r}, the first of them"
            f" {missing[0]}: {COPY_AGAIN}."
        )
    return split, [os.path.join(folder, shard) for shard in names]


def promised_lengths(folder: str, split: str) -> list[int] | None:
    """How many records each shard should hold by `dataset_info.json`; None where it does not say.

    UserError where that file is damaged.
    """
    path = os.path.join(folder, "dataset_info.json")
    if not tf.io.gfile.exists(path):
        return None
    fix = f"{COPY_AGAIN}, or delete this file, without which examples are counted"
    entries = files.read_json(path, fix).get("splits", [])
    try:
        found = [entry["shardLengths"] for entry in entries if entry["name"] == split and "shardLengths" in entry]
        lengths = [int(length) for length in found[0]] if found else []
    except (TypeError, KeyError, ValueError, OverflowError):
        lengths = [-1]
    if any(length < 0 for length in lengths):
        raise UserError(f"{path} is damaged (its splits are no list of names and shardLengths); {fix}.")
    return lengths or None


def counted_lengths(shards: Sequence[str], split: str) -> list[int]:
    """Counts the records of each shard, where no `dataset_info.json` says how many there should be.

    TFDS spreads examples evenly, so that the numbers differ by 1 at most: a note names a shard with fewer. UserError
    where a shard is empty and another one is not, or is cut within a record.
    """
    lengths = [count_records(shard) for shard in shards]
    # Where there are fewer examples than shards, some shards are rightly empty.
    if max(lengths) > 1 and 0 in lengths:
        raise UserError(
            f"{shards[lengths.index(0)]} holds no examples, and other shards of split {split!r} up to"
            f" {max(lengths):,}: copy it again, or, where that is right, write a dataset_info.json with"
            " tfds.folder_dataset.write_metadata (docs/own_data.md)."
        )
    if max(lengths) - min(lengths) > 1:
        print(
            f"Note: {shards[lengths.index(min(lengths))]} holds {min(lengths):,} examples and other shards up to"
            f" {max(lengths):,}; no dataset_info.json says how many there should be, so that {sum(lengths):,} examples"
            f" of split {split!r} are used.",
            file=sys.stderr,
        )
    return lengths


def compare_with_published(name: str, split: str, count: int) -> None:
    """Prints a note where a published data set has another number of examples than it was published with."""
    published = _PUBLISHED.get(name, {}).get(split, count)
    if count != published:
        print(
            f"Note: {name}/{split} holds {count:,} examples; the published number is {published:,}.", file=sys.stderr
        )


def count_records(shard: str) -> int:
    """How many records a shard holds; UserError where the file does not end where a record does."""
    with files.file_errors(shard, "cannot be read", "copy it again"):
        size, position, count = tf.io.gfile.stat(shard).length, 0, 0
        with tf.io.gfile.GFile(shard, "rb") as file:
            while position < size:
                file.seek(position)
                position += int.from_bytes(file.read(_LENGTH_BYTES), "little") + FRAME_BYTES
                count += 1
    if position != size:
        raise UserError(f"{shard} is damaged or cut short, in or before record {count:,}: copy it again.")
    return count


def check_lengths(shards: Sequence[str], lengths: Sequence[int]) -> None:
    """Reads every shard; UserError that names the first that does not hold the promised number of records."""
    if len(shards) != len(lengths):
        raise UserError(
            f"{os.path.dirname(shards[0])} has {len(shards)} shards of a split for which its dataset_info.json lists "
            f"{len(lengths)}: {COPY_AGAIN}."
        )
    for shard, length in zip(shards, lengths, strict=True):
        count = count_records(shard)
        if count != length:
            raise UserError(f"{shard} holds {count:,} examples, dataset_info.json says {length:,}: copy it again.")


def _prefix(name: str) -> str:
    """How the names of files begin: the name without its configuration."""
    return name.partition("/")[0]


def _has_versions(folder: str) -> bool:
    # Cloud storage is slow, so only likely folders are read.
    return not os.path.basename(folder).startswith(".") and any(map(_VERSION.fullmatch, files.names_in(folder)))
