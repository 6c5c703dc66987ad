"""Holds the cache of a data set against the arrays that were written, after damage, changes and kills."""

import collections
import json
import os
import shutil
import signal
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests import commands
from tests.feature_folders import write_byol_folder, write_celeba_folder, write_records
from tf_emcom.data.byol_folder import ByolFolder
from tf_emcom.errors import UserError

NAME, CELEBA = "byol_imagenet2012", "byol_celeb_a2"
SIZES = {"train": 2050, "valid": 9}
TYPES = ("float32", "float16", "bfloat16")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """2,050 and 9 examples of 8 features in 3 shards; caches are only in the test's own folder."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    return write_byol_folder(tmp_path / "data", examples=SIZES, features=8, shards=3)


def data(folder, **given):
    return ByolFolder(NAME, folder.data_dir, **{"least_packed_bytes": 0, **given})


def packed(folder, name, split="train"):
    return Path(folder.path) / ".packed" / split / name


def rewrite_byte(path, position=1000):
    with open(path, "r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 16]))


def assert_as_written(examples, folder, split="train"):
    np.testing.assert_array_equal(examples.inputs, folder.splits[split]["logit"])
    np.testing.assert_array_equal(examples.labels["label"], folder.splits[split]["label"])


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("split", SIZES)
def test_cache_holds_the_records_bit_for_bit_in_the_type_asked_for(folder, split, name):
    dtype = tf.as_dtype(name)
    for _ in range(2):
        examples = data(folder, stored_as=name).load(split)
        assert isinstance(examples.inputs, np.memmap) and not examples.inputs.flags.writeable
        assert examples.inputs.dtype == dtype.as_numpy_dtype
        expected = tf.cast(folder.splits[split]["logit"], dtype).numpy()
        np.testing.assert_array_equal(examples.inputs, expected)
        assert examples.labels["label"].dtype == np.int32
        np.testing.assert_array_equal(examples.labels["label"], folder.splits[split]["label"])


def test_size_and_place_are_printed_once_before_packing(folder, capsys):
    data(folder).load("train")
    size = 2050 * (8 * 4 + 4)
    assert capsys.readouterr().out == (
        f"Packing 2,050 examples of {NAME}/train (logit, label), once: {size:,} bytes in"
        f" {packed(folder, '')}.\n".replace("/.\n", ".\n")
    )
    data(folder).load("train")
    assert capsys.readouterr().out == ""


def test_each_feature_is_packed_once_when_it_is_asked_for(folder, capsys):
    data(folder).load("train", ())
    assert sorted(path.name for path in packed(folder, "").glob("*.bin")) == ["logit-float32.bin"]
    before = os.stat(packed(folder, "logit-float32.bin"))
    capsys.readouterr()
    assert_as_written(data(folder).load("train", ["label"]), folder)
    assert "of byol_imagenet2012/train (label), once: 8,200 bytes" in capsys.readouterr().out
    after = os.stat(packed(folder, "logit-float32.bin"))
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.slow
def test_all_kinds_of_labels_come_from_the_cache_as_from_the_records(tmp_path):
    written = write_celeba_folder(tmp_path, examples={"test": 7}, features=16)
    given = {"data_dir": written.data_dir, "image_side": 8}
    expected = ByolFolder(CELEBA, **given).load("test")
    for _ in range(2):
        found = ByolFolder(CELEBA, **given, least_packed_bytes=0).load("test")
        assert list(found.labels) == list(expected.labels)
        for name, values in expected.labels.items():
            assert found.labels[name].dtype == values.dtype
            np.testing.assert_array_equal(found.labels[name], values)
    # Images of another size are others.
    other = ByolFolder(CELEBA, **{**given, "image_side": 4}, least_packed_bytes=0).load("test", ["image"])
    assert other.labels["image"].shape == (7, 4, 4, 3)


def test_small_split_is_read_into_memory_and_leaves_no_cache(folder):
    size = 2050 * 8 * 4
    assert not isinstance(data(folder, least_packed_bytes=size + 1).load("train").inputs, np.memmap)
    assert not packed(folder, "").exists()
    assert isinstance(data(folder, least_packed_bytes=size).load("train").inputs, np.memmap)


def test_written_to_file_with_a_flipped_bit_is_found_and_packed_again(folder, capsys):
    data(folder).load("train")
    rewrite_byte(packed(folder, "logit-float32.bin"))
    examples = data(folder).load("train")
    assert_as_written(examples, folder)
    assert "logit-float32.bin has other checksums than when it was packed: it is packed" in capsys.readouterr().out


def test_file_that_was_copied_elsewhere_and_back_is_not_packed_again(folder, capsys):
    data(folder).load("train")
    os.utime(packed(folder, "logit-float32.bin"))
    capsys.readouterr()
    for _ in range(2):
        assert_as_written(data(folder).load("train"), folder)
    assert capsys.readouterr().out == ""


def test_bit_that_changes_without_a_write_is_found_by_verifying(folder):
    data(folder).load("train")
    path = packed(folder, "logit-float32.bin")
    assert data(folder).verify("train") == []
    times = os.stat(path)
    rewrite_byte(path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert data(folder).verify("train") == [str(path)]
    assert_as_written(data(folder).load("train"), folder)
    assert data(folder).verify("train") == []


@pytest.mark.parametrize("damage", ["cut", "gone", "description"])
def test_damaged_file_is_packed_again(folder, capsys, damage):
    data(folder).load("train")
    path, about = packed(folder, "logit-float32.bin"), packed(folder, "logit-float32.json")
    if damage == "cut":
        os.truncate(path, 100)
    elif damage == "gone":
        os.remove(path)
    else:
        about.write_text(about.read_text().replace("2050", "2049"))
    assert_as_written(data(folder).load("train"), folder)
    assert "is packed again" in capsys.readouterr().out
    assert data(folder).verify("train") == []


@pytest.mark.parametrize(("index", "kept"), [(1, 0), (2, 600)])
def test_shard_that_lost_examples_since_it_was_packed_is_named_without_dataset_info(tmp_path, index, kept):
    folder = write_byol_folder(tmp_path / "data", examples=SIZES, features=8, shards=3, with_info=False)
    data(folder).load("train")
    path = os.path.join(folder.path, f"{NAME}-train.tfrecord-{index:05d}-of-00003")
    records = [record.numpy() for record in tf.data.TFRecordDataset(path)]
    write_records(path, records[:kept])
    wanted = f"{path} has {kept} of {len(records)}; copy it again" if kept else f"{path} holds no examples"
    with pytest.raises(UserError, match=wanted):
        data(folder).load("train")
    write_records(path, records)
    assert_as_written(data(folder).load("train"), folder)


@pytest.mark.parametrize("change", ["shard", "features.json"])
def test_changed_source_is_packed_again(folder, capsys, change):
    data(folder).load("train")
    again = write_byol_folder(folder.data_dir, examples=SIZES, features=8, shards=3, seed=1)
    if change == "features.json":
        with open(os.path.join(folder.path, "features.json"), "a") as file:
            file.write("\n")
    examples = data(folder).load("train")
    assert "was packed from other files than are there now" in capsys.readouterr().out
    assert_as_written(examples, again)


def test_folder_that_cannot_be_written_to_is_cached_at_home(folder, tmp_path):
    # A file in the way stops even an administrator.
    Path(folder.path, ".packed").write_text("")
    for _ in range(2):
        assert_as_written(data(folder).load("valid"), folder, "valid")
    found = list((tmp_path / "home" / ".cache" / "tf_emcom" / NAME).rglob("*.bin"))
    assert sorted(path.name for path in found) == ["label.bin", "logit-float32.bin"]


def test_cache_beside_data_that_cannot_be_written_to_is_used(folder, tmp_path, capsys):
    data(folder).load("train")
    for path in [packed(folder, ""), Path(folder.path)]:
        path.chmod(0o555)
    capsys.readouterr()
    assert_as_written(data(folder).load("train"), folder)
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "home").exists()


def test_cache_dir_wins_and_keeps_data_of_one_name_apart(folder, tmp_path):
    other = write_byol_folder(tmp_path / "other", examples=SIZES, features=8, shards=3, seed=5)
    for _ in range(2):
        for each in (folder, other):
            assert_as_written(data(each, cache_dir=str(tmp_path / "cache")).load("train"), each)
    assert len(list((tmp_path / "cache").rglob("logit-float32.bin"))) == 2
    assert not packed(folder, "").exists()


def test_no_place_for_a_cache_is_reported(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="nobody may write to .*set ByolFolder.cache_dir"):
        data(folder, cache_dir=str(tmp_path / "file")).load("train")


def test_remote_folder_is_cached_at_home(folder, tmp_path):
    there = folder.path.replace(folder.data_dir, "ram://remote")
    tf.io.gfile.makedirs(there)
    for file in os.listdir(folder.path):
        tf.io.gfile.copy(os.path.join(folder.path, file), os.path.join(there, file))
    for _ in range(2):
        assert_as_written(data(folder._replace(data_dir="ram://remote")).load("valid"), folder, "valid")
    assert len(list((tmp_path / "home").rglob("logit-float32.bin"))) == 1


def test_full_disk_is_noticed_before_anything_is_written(folder, monkeypatch):
    usage = collections.namedtuple("usage", "total used free")
    size = 2050 * (8 * 4 + 4)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(size, 1, size - 1))
    with pytest.raises(UserError, match=rf"takes {size:,} bytes in .*, where {size - 1:,} bytes are free: .*stored_as"):
        data(folder).load("train")
    assert list(packed(folder, "").glob("*.bin*")) == []
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(size, 0, size))
    assert_as_written(data(folder).load("train"), folder)


def test_damaged_records_are_reported_as_without_a_cache_and_leave_nothing(folder):
    path = os.path.join(folder.path, f"{NAME}-train.tfrecord-00002-of-00003")
    rewrite_byte(path)
    with pytest.raises(UserError, match=f"Split 'train' in {folder.path} is damaged .*corrupted record"):
        data(folder).load("train")
    assert [path.name for path in packed(folder, "").iterdir()] == [".lock"]


def test_wrong_number_of_examples_is_reported_as_without_a_cache(folder):
    path = os.path.join(folder.path, f"{NAME}-valid.tfrecord-00001-of-00003")
    records = [record.numpy() for record in tf.data.TFRecordDataset(path)]
    for kept in (records[:-1], records + records):
        write_records(path, kept)
        with pytest.raises(UserError, match=f"{path} holds {len(kept)} examples, dataset_info.json says 3"):
            data(folder).load("valid")


@pytest.mark.parametrize("least", [0, 2**28])
def test_numbers_that_float16_lacks_are_refused(tmp_path, least):
    import tensorflow_datasets as tfds

    features = tfds.features.FeaturesDict({"logit": tfds.features.Tensor(shape=(2,), dtype=np.float32)})
    place = tmp_path / NAME / "1.0.0"
    place.mkdir(parents=True)
    record = features.serialize_example({"logit": np.array([1, 70_000], np.float32)})
    write_records(str(place / f"{NAME}-train.tfrecord-00000-of-00001"), [record])
    features.save_config(str(place))
    with pytest.raises(UserError, match="a number beyond 65,504, the largest of float16, in row 0, feature 1 of"):
        ByolFolder(NAME, str(tmp_path), stored_as="float16", least_packed_bytes=least).load("train")
    inputs = ByolFolder(NAME, str(tmp_path), stored_as="bfloat16", least_packed_bytes=least).load("train").inputs
    np.testing.assert_allclose(inputs.astype(np.float32), [[1, 70_000]], rtol=1 / 256)


def test_unknown_type_is_refused():
    with pytest.raises(UserError, match="stored_as is 'int8'; set it to one of float32, float16, bfloat16"):
        ByolFolder(NAME, stored_as="int8")


# Kills itself at the n-th time that it waits for the disk; 0: never.
CHILD = """
import os, signal, sys, zlib
data_dir, name, last = sys.argv[1], sys.argv[2], int(sys.argv[3])
wait, calls = os.fsync, []
def fsync(file):
    wait(file)
    calls.append(file)
    if len(calls) == last:
        os.kill(os.getpid(), signal.SIGKILL)
os.fsync = fsync
from tf_emcom.data.byol_folder import ByolFolder
examples = ByolFolder(name, data_dir, least_packed_bytes=0).load("train")
print(zlib.crc32(examples.inputs.tobytes()), zlib.crc32(examples.labels["label"].tobytes()))
"""


def start(folder, last=0):
    return subprocess.Popen(
        [*commands.python(), "-c", CHILD, folder.data_dir, NAME, str(last)],
        cwd=commands.ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.processes
def test_killed_packing_resumes_and_two_processes_do_it_once(folder):
    # For each shard and feature, its numbers and their description; then the numbers of the last shard.
    killed = start(folder, last=2 * 4 + 1)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert len(json.loads(packed(folder, "logit-float32.json.part").read_text())["blocks"]) == 2
    assert not list(packed(folder, "").glob("*.json"))

    together = [start(folder), start(folder)]
    said = [process.communicate()[0] for process in together]

    assert [process.returncode for process in together] == [0, 0]
    packing = [line for text in said for line in text.splitlines() if line.startswith("Packing")]
    assert len(packing) == 1 and packing[0].endswith("; 2 of 3 shards are done.")
    arrays = (folder.splits["train"]["logit"], folder.splits["train"]["label"].astype(np.int32))
    sums = " ".join(str(zlib.crc32(array.tobytes())) for array in arrays)
    assert [text.splitlines()[-1] for text in said] == [sums, sums]
    assert_as_written(data(folder).load("train"), folder)
    assert sorted(path.name for path in packed(folder, "").iterdir()) == [
        *(".lock", "label.bin", "label.json", "logit-float32.bin", "logit-float32.json")
    ]
