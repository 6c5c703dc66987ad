"""Folders as TFDS and other people write them: read as a user expects, or refused in one sentence."""

import json
import os
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tests.feature_folders import write_byol_folder, write_folder, write_records
from tf_emcom.data.byol_folder import ByolFolder
from tf_emcom.errors import UserError

NAME = "own"
VECTOR = tfds.features.Tensor(shape=(3,), dtype=np.float32)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def written(root, splits, **features):
    """`splits` is split → examples, each a dictionary of values of `features`; inputs count the examples."""
    schema = tfds.features.FeaturesDict({"logit": VECTOR, **features})
    rows = {
        split: [{"logit": np.full(3, row, np.float32), **values} for row, values in enumerate(examples)]
        for split, examples in splits.items()
    }
    write_folder(str(root / NAME / "1.0.0"), NAME, schema, rows)
    return str(root)


@pytest.mark.parametrize("there", ["validation", "val", "valid"])
def test_validation_split_is_found_by_its_usual_names(tmp_path, there):
    folder = write_byol_folder(tmp_path, NAME, {"train": 4, there: 5}, 3, with_info=False)
    for asked in ("valid", "validation"):
        for least in (0, 2**28):
            found = ByolFolder(NAME, folder.data_dir, least_packed_bytes=least).load(asked)
            np.testing.assert_array_equal(found.inputs, folder.splits[there]["logit"])


def test_split_that_is_asked_for_wins_over_other_names(tmp_path):
    folder = write_byol_folder(tmp_path, NAME, {"valid": 4, "validation": 5}, 3)
    assert [len(ByolFolder(NAME, folder.data_dir).load(split).inputs) for split in ("valid", "validation")] == [4, 5]


def configured(tmp_path, *configs):
    """Folders `own/<config>/1.0.0`, whose files begin with own, as TFDS writes configurations."""
    found = {}
    for seed, config in enumerate(configs):
        written = write_byol_folder(tmp_path / config, NAME, {"train": 4}, 3, seed=seed)
        os.renames(written.path, tmp_path / NAME / config / "1.0.0")
        found[config] = written.splits["train"]["logit"]
    return found


def test_configurations_are_named_after_a_slash(tmp_path):
    expected = configured(tmp_path, "small", "large")
    for config, inputs in expected.items():
        for least in (0, 2**28):
            data = ByolFolder(f"{NAME}/{config}", str(tmp_path), least_packed_bytes=least)
            np.testing.assert_array_equal(data.load("train").inputs, inputs)
    with pytest.raises(UserError, match=f'has the configurations large, small: .* as in "{NAME}/large"'):
        ByolFolder(NAME, str(tmp_path)).load("train")


def test_single_configuration_needs_no_name(tmp_path):
    expected = configured(tmp_path, "small")
    np.testing.assert_array_equal(ByolFolder(NAME, str(tmp_path)).load("train").inputs, expected["small"])


@pytest.mark.parametrize("name", ["../own", "/etc", "", "own/", "own//x", 5, "gs://own"])
def test_name_that_leads_elsewhere_is_refused(name):
    with pytest.raises(UserError, match="ByolFolder.name is"):
        ByolFolder(name)


@pytest.mark.parametrize("least", [2**28, 0], ids=["memory", "cache"])
def test_texts_called_label_are_classes_alike_in_all_splits(tmp_path, least):
    splits = {"train": ["wren", "owl", "wren"], "test": ["kite", "owl"]}
    rows = {split: [{"label": name, "note": name} for name in names] for split, names in splits.items()}
    data_dir = written(tmp_path, rows, label=tfds.features.Text(), note=tfds.features.Text())
    data = ByolFolder(NAME, data_dir, least_packed_bytes=least)
    assert data.class_names == ["kite", "owl", "wren"]
    for split, names in splits.items():
        found = data.load(split).labels
        assert found["label"].dtype == np.int32
        assert [data.class_names[number] for number in found["label"]] == names
        # Other texts stay texts.
        assert found["note"].tolist() == [name.encode() for name in names]


@pytest.mark.parametrize("least", [2**28, 0], ids=["memory", "cache"])
def test_images_of_any_size_are_resized_or_refused(tmp_path, least):
    # The second batch only has images of another size.
    sizes = [(4, 6)] * 1030 + [(5, 3)]
    rows = {"train": [{"image": np.full((*size, 3), 7, np.uint8)} for size in sizes]}
    data_dir = written(tmp_path, rows, image=tfds.features.Image(shape=(None, None, 3)))
    images = ByolFolder(NAME, data_dir, image_side=4, least_packed_bytes=least).load("train").labels["image"]
    np.testing.assert_array_equal(images, np.full((1031, 4, 4, 3), 7))
    with pytest.raises(UserError, match="'image' in Split 'train' .* differ in shape.* set ByolFolder.image_side"):
        ByolFolder(NAME, data_dir, least_packed_bytes=least).load("train")
    assert ByolFolder(NAME, data_dir, least_packed_bytes=least).load("train", ()).inputs.shape == (1031, 3)


@pytest.mark.parametrize("lengths", [(1, 2), (1,) * 1024 + (2,)], ids=["batch", "batches"])
def test_labels_of_several_lengths_are_refused(tmp_path, lengths):
    rows = {"train": [{"label": [0] * length} for length in lengths]}
    data_dir = written(tmp_path, rows, label=tfds.features.Sequence(np.int64))
    with pytest.raises(UserError, match="'label' in Split 'train' .* differ in shape"):
        ByolFolder(NAME, data_dir).load("train")


@pytest.mark.parametrize("part", ["lr=[1e-3]", "a?b", "back\\slash", "star*", "[1]"])
def test_no_character_of_a_path_is_a_pattern(tmp_path, part):
    # What the pattern would find.
    for other in ("lr=1", "axb", "1"):
        write_byol_folder(tmp_path / other, NAME, {"train": 4}, 3, seed=9)
    folder = write_byol_folder(tmp_path / part, NAME, {"train": 4}, 3)
    for given in ({}, {"cache_dir": str(tmp_path / "cache" / part)}):
        for least in (0, 0, 2**28):
            data = ByolFolder(NAME, folder.data_dir, least_packed_bytes=least, **given)
            np.testing.assert_array_equal(data.load("train").inputs, folder.splits["train"]["logit"])
    assert data.verify("train") == []


def describe(folder, content):
    path = os.path.join(folder.path, "features.json")
    with open(path, "w") as file:
        json.dump(content, file)
    return path


@pytest.fixture
def folder(tmp_path):
    return write_byol_folder(tmp_path, NAME, {"train": 8, "test": 4}, 3, shards=4, with_info=False)


def as_parts(name):
    """Descriptions, in all forms that TFDS reads, in which a feature has the class `name`."""
    newer = {"pythonClassName": name, "tensor": {"shape": {"dimensions": ["3"]}, "dtype": "float32"}}
    older = {"type": name, "content": {"shape": [3], "dtype": "float32"}}
    top = "tensorflow_datasets.core.features.features_dict.FeaturesDict"
    sequence = "tensorflow_datasets.core.features.sequence_feature.Sequence"
    return [
        newer,
        older,
        {"pythonClassName": top, "featuresDict": {"features": {"logit": newer}}},
        {"python_class_name": top, "features_dict": {"features": {"logit": {**newer, "python_class_name": name}}}},
        {"type": top, "content": {"logit": older}},
        {"pythonClassName": top, "jsonFeature": {"json": json.dumps({"logit": older})}},
        {
            "type": top,
            "proto_cls": "tensorflow_datasets.FeaturesDict",
            "content": json.dumps({"features": {"x": newer}}),
        },
        {
            "pythonClassName": top,
            "featuresDict": {"features": {"logit": {"pythonClassName": sequence, "sequence": {"feature": newer}}}},
        },
    ]


@pytest.mark.parametrize("form", range(8))
def test_features_json_imports_nothing(folder, tmp_path, monkeypatch, form):
    (tmp_path / "payload.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    path = describe(folder, as_parts("payload.Feature")[form])
    for read in (lambda data: data.features(), lambda data: data.labels(), lambda data: data.load("train")):
        with pytest.raises(
            UserError, match=f"^{path} names the class 'payload.Feature', which is none of the features"
        ):
            read(ByolFolder(NAME, folder.data_dir))
    assert not (tmp_path / "ran").exists() and "payload" not in sys.modules


def test_features_json_reads_no_other_file(folder):
    kind = "tensorflow_datasets.core.features.class_label_feature.ClassLabel"
    path = describe(folder, {"type": kind, "content": {"names_file": "/etc/passwd"}})
    with pytest.raises(UserError, match=f"^{path} names another file to read"):
        ByolFolder(NAME, folder.data_dir).labels()


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", "null", '"text"', "5", "{}", '{"featuresDict": 5}', '{"pythonClassName": []}', "[" * 100_000),
        *('{"type": "x"}', "\xff\xfe"),
        *('{"a": ' * 5000 + "1" + "}" * 5000,),
    ],
    ids=range(13),
)
def test_damaged_small_files_are_named_in_one_sentence(tmp_path, folder, content):
    path = os.path.join(folder.path, "features.json")
    with open(path) as file:
        right = file.read()
    with open(path, "w", encoding="latin-1") as file:
        file.write(content)
    for read in (lambda data: data.features(), lambda data: data.labels(), lambda data: data.attribute_names):
        with pytest.raises(
            UserError, match=f"^{path} (is damaged|declares no features)[^\n]*copy the whole archive again"
        ):
            read(ByolFolder(NAME, folder.data_dir))
    with open(path, "w") as file:
        file.write(right)
    path = os.path.join(folder.path, "dataset_info.json")
    with open(path, "w", encoding="latin-1") as file:
        file.write(content)
    if content[:1] != "{" or content == "{" or "{" * 2 in content.replace('"a": ', ""):
        with pytest.raises(UserError, match=f"^{path} is damaged .*copy the whole archive again, or delete this file"):
            ByolFolder(NAME, folder.data_dir).load("train")
    else:  # It says nothing of splits.
        assert len(ByolFolder(NAME, folder.data_dir).load("train").inputs) == 8


@pytest.mark.parametrize(
    "splits",
    [5, {"name": "train"}, ["train"], [{"name": "train", "shardLengths": ["x"]}], [{"shardLengths": [1]}]]
    + [[{"name": "train", "shardLengths": [-1, 3, 3, 3]}], [{"name": "train", "shardLengths": 7}]],
    ids=range(7),
)
def test_damaged_list_of_splits_is_named(folder, splits):
    path = os.path.join(folder.path, "dataset_info.json")
    with open(path, "w") as file:
        json.dump({"splits": splits}, file)
    with pytest.raises(UserError, match=f"^{path} is damaged "):
        ByolFolder(NAME, folder.data_dir).load("train")


def shard(folder, index, split="train"):
    return os.path.join(folder.path, f"{NAME}-{split}.tfrecord-{index:05d}-of-00004")


def test_empty_shard_without_dataset_info_is_refused(folder):
    write_records(shard(folder, 2), [])
    with pytest.raises(
        UserError, match=f"^{shard(folder, 2)} holds no examples, and other shards of split 'train' up to 2"
    ):
        ByolFolder(NAME, folder.data_dir).load("train")


def test_shorter_shard_without_dataset_info_is_noted(tmp_path, capsys):
    folder = write_byol_folder(tmp_path, NAME, {"train": 64}, 3, shards=4, with_info=False)
    assert len(ByolFolder(NAME, folder.data_dir).load("train").inputs) == 64
    assert capsys.readouterr().err == ""
    import tensorflow as tf

    records = [record.numpy() for record in tf.data.TFRecordDataset(shard(folder, 1))]
    write_records(shard(folder, 1), records[:9])
    assert len(ByolFolder(NAME, folder.data_dir).load("train").inputs) == 57
    assert f"Note: {shard(folder, 1)} holds 9 examples and other shards up to 16; " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "split", "published"),
    [
        ("byol_imagenet2012", "train", "1,281,167"),
        ("byol_celeb_a2_logits", "valid", "16,669"),
        ("byol_celeb_a2", "test", "16,486"),
    ],
)
def test_number_of_examples_is_compared_with_the_published_one(tmp_path, capsys, name, split, published):
    folder = write_byol_folder(tmp_path, name, {split: 4}, 3)
    ByolFolder(name, folder.data_dir).load(split)
    said = f"Note: {name}/{split} holds 4 examples; the published number is {published}.\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("kind", ["pipe", "link", "folder", "gone"])
@pytest.mark.parametrize("with_info", [False, True])
def test_shard_that_is_no_file_is_named(tmp_path, kind, with_info):
    folder = write_byol_folder(tmp_path, NAME, {"train": 8}, 3, shards=4, with_info=with_info)
    path = shard(folder, 1)
    os.remove(path)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        os.symlink("/nowhere/at/all", path)
    elif kind == "folder":
        os.mkdir(path)
    wanted = "lacks 1 of 4 shards" if kind == "gone" else f"^{path} (is no regular file|cannot be read)"
    with pytest.raises(UserError, match=wanted):
        ByolFolder(NAME, folder.data_dir).load("train")


def test_data_dir_is_named_in_full_where_it_is_not_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=f"in {tmp_path}/data/{NAME}, where .* with DIR = data were expected"):
        ByolFolder(NAME, "data").load("train")


@pytest.mark.parametrize("least", [2**28, 0], ids=["memory", "cache"])
def test_number_of_examples_that_no_file_could_hold_is_refused_before_room_is_made(folder, least):
    with open(os.path.join(folder.path, "dataset_info.json"), "w") as file:
        json.dump({"splits": [{"name": "train", "shardLengths": ["2", "2", str(10**17), "2"]}]}, file)
    with pytest.raises(UserError, match=f"^{shard(folder, 2)} holds 2 examples, dataset_info.json says 100,000,"):
        ByolFolder(NAME, folder.data_dir, least_packed_bytes=least).load("train")
