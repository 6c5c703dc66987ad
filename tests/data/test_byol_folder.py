"""Compares `ByolFolder` with the arrays that were written, and with TFDS's own reader."""

import json
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tests.feature_folders import write_byol_folder, write_celeba_folder, write_records
from tf_emcom.data.byol_folder import ByolFolder
from tf_emcom.errors import UserError

IMAGENET = "byol_imagenet2012"
CELEBA = "byol_celeb_a2"


@pytest.fixture
def imagenet(tmp_path):
    """32, 7 and 5 examples of 16 features."""
    return write_byol_folder(tmp_path, examples={"train": 32, "valid": 7, "test_official": 5}, features=16)


@pytest.fixture(scope="module")
def celeba(tmp_path_factory):
    return write_celeba_folder(tmp_path_factory.mktemp("celeba"), examples={"train": 11, "test": 3}, features=16)


def shard(folder, split, index, count=2, name=IMAGENET):
    return os.path.join(folder.path, f"{name}-{split}.tfrecord-{index:05d}-of-{count:05d}")


def records(path):
    return [record.numpy() for record in tf.data.TFRecordDataset(path)]


@pytest.mark.parametrize("with_info", [True, False])
@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_features_and_labels_come_as_written_with_and_without_dataset_info(tmp_path, with_info, split):
    # 2,050 examples are two full batches and a rest, over three shards.
    folder = write_byol_folder(
        tmp_path, examples={"train": 2050, "valid": 3, "test": 5}, features=8, with_info=with_info, shards=3
    )
    assert os.path.exists(os.path.join(folder.path, "dataset_info.json")) == with_info

    examples = ByolFolder(IMAGENET, folder.data_dir).load(split)

    assert examples.inputs.dtype == np.float32
    np.testing.assert_array_equal(examples.inputs, folder.splits[split]["logit"])
    assert list(examples.labels) == ["label"]
    assert examples.labels["label"].dtype == np.int32
    np.testing.assert_array_equal(examples.labels["label"], folder.splits[split]["label"])


def test_celeba_attributes_and_landmarks_come_as_one_array_each(celeba):
    assert not os.path.exists(os.path.join(celeba.path, "dataset_info.json"))
    names = ["label", "attributes", "landmarks", "image_id"]

    examples = ByolFolder(CELEBA, celeba.data_dir).load("train", names)

    np.testing.assert_array_equal(examples.inputs, celeba.splits["train"]["logit"])
    assert list(examples.labels) == names
    assert examples.labels["attributes"].shape == (11, 40)
    assert examples.labels["landmarks"].shape == (11, 10)
    # As declared: flags are bool, landmarks int64.
    assert examples.labels["attributes"].dtype == np.int32 and examples.labels["landmarks"].dtype == np.int64
    for name in names:
        np.testing.assert_array_equal(examples.labels[name], celeba.splits["train"][name])


def test_images_come_only_when_asked_for_and_as_their_jpeg_decodes(celeba):
    without = ByolFolder(CELEBA, celeba.data_dir).load("test", ["label", "attributes"])
    assert list(without.labels) == ["label", "attributes"]
    paths = [shard(celeba, "test", index, 5, CELEBA) for index in range(5)]
    protos = [tf.train.Example.FromString(record) for path in paths for record in records(path)]
    expected = [tf.io.decode_jpeg(proto.features.feature["image"].bytes_list.value[0]) for proto in protos]

    examples = ByolFolder(CELEBA, celeba.data_dir).load("test", ["image", "attributes"])

    assert examples.labels["image"].dtype == np.uint8
    np.testing.assert_array_equal(examples.labels["image"], expected)
    np.testing.assert_array_equal(examples.labels["attributes"], celeba.splits["test"]["attributes"])
    np.testing.assert_array_equal(examples.inputs, celeba.splits["test"]["logit"])


def test_examples_agree_with_the_reader_of_tfds(imagenet):
    builder = tfds.builder_from_directory(imagenet.path)
    expected = list(builder.as_dataset(split="train", shuffle_files=False).as_numpy_iterator())
    examples = ByolFolder(IMAGENET, imagenet.data_dir).load("train")
    np.testing.assert_array_equal(examples.inputs, [row["logit"] for row in expected])
    np.testing.assert_array_equal(examples.labels["label"], [row["label"] for row in expected])


def test_folder_with_logits_only_has_no_labels(tmp_path):
    folder = write_byol_folder(tmp_path, "byol_celeb_a2_logits", {"valid": 4}, features=8, classes=None)
    examples = ByolFolder("byol_celeb_a2_logits", folder.data_dir).load("valid")
    np.testing.assert_array_equal(examples.inputs, folder.splits["valid"]["logit"])
    assert examples.labels == {}


def test_columns_of_attributes_are_called_what_the_folder_says(celeba, imagenet):
    assert ByolFolder(CELEBA, celeba.data_dir).attribute_names == [f"Flag_{index:02d}" for index in range(40)]
    assert ByolFolder(IMAGENET, imagenet.data_dir).attribute_names is None


def test_classes_are_called_what_the_folder_says(tmp_path, imagenet):
    assert ByolFolder(IMAGENET, imagenet.data_dir).class_names is None
    written = write_byol_folder(tmp_path / "birds", examples={"train": 4}, features=3, classes=3)
    with open(os.path.join(written.path, "label.labels.txt"), "w") as file:
        file.write("owl\nwren\nblack kite\n")
    assert ByolFolder(IMAGENET, written.data_dir).class_names == ["owl", "wren", "black kite"]


def test_no_labels_can_be_asked_for(imagenet):
    assert ByolFolder(IMAGENET, imagenet.data_dir).load("valid", ()).labels == {}


def test_absent_label_names_the_features_that_are_there(celeba):
    with pytest.raises(
        UserError, match="no feature 'hair', only attributes, image, image_id, label, landmarks, logit:"
    ):
        ByolFolder(CELEBA, celeba.data_dir).load("train", ["hair"])


def test_labels_are_every_feature_but_the_inputs(celeba, imagenet):
    assert set(ByolFolder(CELEBA, celeba.data_dir).labels()) == {
        *("attributes", "image", "image_id", "label", "landmarks")
    }
    assert ByolFolder(IMAGENET, imagenet.data_dir).labels() == ["label"]


def test_images_are_resized_while_they_are_read(celeba):
    as_stored = ByolFolder(CELEBA, celeba.data_dir).load("test", ["image"]).labels["image"]
    resized = ByolFolder(CELEBA, celeba.data_dir, image_side=8).load("test", ["image"]).labels["image"]
    assert resized.dtype == np.uint8
    assert resized.shape == (len(as_stored), 8, 8, 3)
    expected = tf.image.resize(as_stored.astype(np.float32), (8, 8), antialias=True)
    np.testing.assert_allclose(resized, expected, atol=0.51)


@pytest.mark.parametrize("side", [0, "large"])
def test_a_side_that_is_no_number_of_pixels_is_refused(side):
    with pytest.raises(UserError, match="ByolFolder.image_side is"):
        ByolFolder(IMAGENET, image_side=side)


def test_other_number_types_are_taken_too(tmp_path):
    features = tfds.features.FeaturesDict(
        {
            "logit": tfds.features.Tensor(shape=(4,), dtype=np.float64),
            "label": np.uint8,
            "attributes": tfds.features.Tensor(shape=(3,), dtype=np.bool_),
            "landmarks": tfds.features.Sequence(np.int32),
        }
    )
    folder = tmp_path / CELEBA / "1.0.0"
    folder.mkdir(parents=True)
    rows = [
        {"logit": [1.5, 2, 3, 4], "label": 7, "attributes": [True, False, True], "landmarks": [10, 20]},
        {"logit": [-1, 0, 1, 0.25], "label": 255, "attributes": [False, False, True], "landmarks": [30, 40]},
    ]
    rows = [{**row, "logit": np.array(row["logit"], np.float64)} for row in rows]
    write_records(
        str(folder / f"{CELEBA}-train.tfrecord-00000-of-00001"), [features.serialize_example(row) for row in rows]
    )
    features.save_config(str(folder))

    for labels in (["label", "attributes"], ["label", "attributes", "landmarks"]):
        examples = ByolFolder(CELEBA, str(tmp_path)).load("train", labels)
        assert examples.inputs.dtype == np.float32
        np.testing.assert_array_equal(examples.inputs, [[1.5, 2, 3, 4], [-1, 0, 1, 0.25]])
        np.testing.assert_array_equal(examples.labels["label"], [7, 255])
        np.testing.assert_array_equal(examples.labels["attributes"], [[1, 0, 1], [0, 0, 1]])
        assert {array.dtype for array in examples.labels.values()} == {np.dtype(np.int32)}
    np.testing.assert_array_equal(examples.labels["landmarks"], [[10, 20], [30, 40]])


def test_missing_folder_says_in_one_sentence_where_what_was_expected_and_how_to_fix_it(tmp_path):
    with pytest.raises(UserError) as error:
        ByolFolder(IMAGENET, str(tmp_path)).load("train")
    message = str(error.value)
    for part in (
        str(tmp_path / IMAGENET),
        f"DIR/{IMAGENET}/<x.y.z>/features.json",
        f"{IMAGENET}-<split>.tfrecord-*",
        "--data_dir",
        "'Feature folders'",
        "arXiv:2502.12624",
    ):
        assert part in message
    assert "\n" not in message
    assert message.count(". ") == 0


def test_version_without_features_json_is_named(imagenet):
    os.remove(os.path.join(imagenet.path, "features.json"))
    with pytest.raises(UserError, match=f"No prepared data set '{IMAGENET}' in {imagenet.path},"):
        ByolFolder(IMAGENET, imagenet.data_dir).load("train")


def test_data_dir_is_the_variable_of_tfds_or_else_its_folder_at_home(tmp_path, monkeypatch):
    name = "byol_celeb_a2_logits"
    at_home = write_byol_folder(tmp_path / "tensorflow_datasets", name, {"test": 2}, 4, None, seed=1)
    elsewhere = write_byol_folder(tmp_path / "elsewhere", name, {"test": 2}, 4, None, seed=2)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    np.testing.assert_array_equal(ByolFolder(name).load("test").inputs, at_home.splits["test"]["logit"])
    monkeypatch.setenv("TFDS_DATA_DIR", elsewhere.data_dir)
    np.testing.assert_array_equal(ByolFolder(name).load("test").inputs, elsewhere.splits["test"]["logit"])
    # What is said explicitly wins over the variable.
    at_home_again = ByolFolder(name, os.path.join("~", "tensorflow_datasets")).load("test")
    np.testing.assert_array_equal(at_home_again.inputs, at_home.splits["test"]["logit"])


def test_newest_version_wins_by_number_not_by_letter(tmp_path):
    written = {
        version: write_byol_folder(tmp_path, examples={"test": 2}, features=4, seed=seed, version=version)
        for seed, version in enumerate(["2.9.0", "2.10.0", "1.99.99"])
    }
    # Unfinished preparations and notes beside the versions do not count.
    (tmp_path / IMAGENET / "3.0.0.incompleteA1B2C3").mkdir()
    examples = ByolFolder(IMAGENET, str(tmp_path)).load("test")
    np.testing.assert_array_equal(examples.inputs, written["2.10.0"].splits["test"]["logit"])


def test_unknown_split_names_those_on_disk(imagenet):
    with pytest.raises(UserError, match=r"no split 'test' .*: the splits there are test_official, train, valid\.$"):
        ByolFolder(IMAGENET, imagenet.data_dir).load("test")
    assert len(ByolFolder(IMAGENET, imagenet.data_dir).load("test_official").inputs) == 5


def test_files_of_another_data_set_do_not_count(imagenet):
    shutil.copy(shard(imagenet, "train", 0), shard(imagenet, "test", 0, name="byol_other"))
    with pytest.raises(UserError, match="no split 'test'"):
        ByolFolder(IMAGENET, imagenet.data_dir).load("test")


@pytest.mark.parametrize("with_info", [True, False])
def test_missing_shard_is_named(tmp_path, with_info):
    folder = write_byol_folder(tmp_path, examples={"train": 9}, features=4, with_info=with_info, shards=3)
    os.remove(shard(folder, "train", 1, 3))
    with pytest.raises(UserError, match=f"lacks 1 of 3 shards .* {IMAGENET}-train.tfrecord-00001-of-00003"):
        ByolFolder(IMAGENET, folder.data_dir).load("train")


def test_shards_of_two_preparations_are_refused(imagenet):
    shutil.copy(shard(imagenet, "train", 0), shard(imagenet, "train", 0, 1))
    with pytest.raises(UserError, match="2 preparations of split 'train' .of-00001, of-00002."):
        ByolFolder(IMAGENET, imagenet.data_dir).load("train")


@pytest.mark.parametrize("kept", [0, 15])
def test_shard_cut_between_records_is_named_where_dataset_info_has_its_length(imagenet, kept):
    path = shard(imagenet, "train", 1)
    write_records(path, records(path)[:kept])
    with pytest.raises(UserError, match=f"{path} holds {kept} examples, dataset_info.json says 16"):
        ByolFolder(IMAGENET, imagenet.data_dir).load("train")


def test_shard_with_more_examples_than_dataset_info_has_is_named(imagenet):
    path = shard(imagenet, "valid", 0)
    write_records(path, records(path) * 2)
    with pytest.raises(UserError, match=f"{path} holds 6 examples, dataset_info.json says 3"):
        ByolFolder(IMAGENET, imagenet.data_dir).load("valid")


def test_dataset_info_with_another_number_of_shards_is_refused_when_the_sums_differ(imagenet):
    path = os.path.join(imagenet.path, "dataset_info.json")
    with open(path) as file:
        info = json.load(file)
    next(split for split in info["splits"] if split["name"] == "train")["shardLengths"] = ["16", "16", "16"]
    with open(path, "w") as file:
        json.dump(info, file)
    with pytest.raises(UserError, match="has 2 shards of a split for which its dataset_info.json lists 3"):
        ByolFolder(IMAGENET, imagenet.data_dir).load("train")


@pytest.mark.parametrize("with_info", [True, False])
@pytest.mark.parametrize("lost", [1, 5, 40])
def test_shard_cut_within_a_record_is_named(tmp_path, with_info, lost):
    folder = write_byol_folder(tmp_path, examples={"train": 10}, features=4, with_info=with_info)
    path = shard(folder, "train", 1)
    os.truncate(path, os.path.getsize(path) - lost)
    with pytest.raises(UserError, match=f"{path} is damaged or cut short, in or before record 5"):
        ByolFolder(IMAGENET, folder.data_dir).load("train")


def test_flipped_bit_is_found_by_the_checksum(imagenet):
    path = shard(imagenet, "train", 0)
    with open(path, "r+b") as file:
        file.seek(40)
        byte = file.read(1)[0]
        file.seek(40)
        file.write(bytes([byte ^ 1]))
    with pytest.raises(UserError, match=f"Split 'train' in {imagenet.path} is damaged .*corrupted record"):
        ByolFolder(IMAGENET, imagenet.data_dir).load("train")


def test_records_that_do_not_fit_features_json_are_refused(imagenet):
    for index in range(2):
        path = shard(imagenet, "valid", index)
        record = tf.train.Example()
        record.features.feature["logit"].float_list.value.extend([0.0] * 16)
        write_records(path, [record.SerializeToString()] * len(records(path)))
    with pytest.raises(UserError, match="does not fit the features.json"):
        ByolFolder(IMAGENET, imagenet.data_dir).load("valid")
    assert ByolFolder(IMAGENET, imagenet.data_dir).load("valid", ()).inputs.shape == (7, 16)


def test_split_without_examples_is_refused(tmp_path):
    folder = write_byol_folder(tmp_path, examples={"train": 2}, features=4, with_info=False)
    for index in range(2):
        write_records(shard(folder, "train", index), [])
    with pytest.raises(UserError, match="holds no examples"):
        ByolFolder(IMAGENET, folder.data_dir).load("train")


def test_split_larger_than_the_memory_is_refused_before_it_is_read(imagenet, monkeypatch):
    # 32 examples of 16 floats and a label are 32 x 68 bytes = 2,176; pages of 16 bytes make the limit exact.
    pages = {"SC_PHYS_PAGES": 136, "SC_PAGE_SIZE": 16}
    monkeypatch.setattr(os, "sysconf", pages.get)
    assert len(ByolFolder(IMAGENET, imagenet.data_dir).load("train").inputs) == 32
    pages["SC_PHYS_PAGES"] = 135
    with pytest.raises(UserError, match="32 examples of logit, label take .* GiB of memory"):
        ByolFolder(IMAGENET, imagenet.data_dir).load("train")


def test_inputs_that_are_no_vectors_are_refused(tmp_path):
    features = tfds.features.FeaturesDict({"logit": tfds.features.Tensor(shape=(2, 3), dtype=np.float32)})
    folder = tmp_path / IMAGENET / "1.0.0"
    folder.mkdir(parents=True)
    write_records(
        str(folder / f"{IMAGENET}-train.tfrecord-00000-of-00001"),
        [features.serialize_example({"logit": np.zeros((2, 3), np.float32)})],
    )
    features.save_config(str(folder))
    with pytest.raises(UserError, match=r"'logit' has the shape \(2, 3\)"):
        ByolFolder(IMAGENET, str(tmp_path)).load("train")


def test_name_is_the_given_one():
    assert ByolFolder("byol_celeb_a2_noimg").name == "byol_celeb_a2_noimg"
