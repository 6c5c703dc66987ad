"""A prepared data set has the features, labels and splits of its images, also after errors, changes and restarts."""

import errno
import fcntl
import io
import json
import os
import resource
import shutil

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from tests.commands import snapshot
from tests.tools.prepare.pictures import draw, draw_classes, mean_colour, pixels, save_keras
from tf_emcom.data.byol_folder import ByolFolder
from tf_emcom.errors import UserError
from tf_emcom.tools.prepare.encoders import EncoderChoice, encoder_for
from tf_emcom.tools.prepare.image_folder import partition, read_folder
from tf_emcom.tools.prepare.preparation import Preparation, Settings
from tf_emcom.tools.prepare.standardisation import Standardisation

NAME = "my_birds"


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """A file of an encoder whose features are a linear function of the mean colour."""
    return save_keras(tmp_path_factory.mktemp("encoder") / "encoder.keras")


@pytest.fixture
def pictures(tmp_path):
    """Two classes of ten pictures of 16 × 16 pixels."""
    return draw_classes(tmp_path / "pictures")


def prepare(root, data_dir, encoder, name=NAME, splits=(0.8, 0.1, 0.1), seed=0, **settings):
    folder = read_folder(str(root))
    chosen = folder.splits or partition(folder.images, splits, seed)
    sizes = {"batch_size": 3, "kept_side": 16, "shard_size": 6}
    given = Settings(**{**sizes, "standardises": False, **settings})
    return Preparation(name, str(data_dir), folder, chosen, encoder_for(EncoderChoice(encoder, seed=seed)), given).run()


def test_every_reader_finds_features_labels_and_pictures(tmp_path, pictures, encoder):
    found = prepare(pictures, tmp_path / "data", encoder)
    assert found.about["examples"] == {"train": 16, "valid": 2, "test": 2}
    data, seen = ByolFolder(NAME, str(tmp_path / "data")), []
    assert data.features() == 2
    for split, count in found.about["examples"].items():
        examples = data.load(split)
        assert examples.inputs.shape == (count, 2) and set(examples.labels) == {"label", "image", "image_id"}
        paths = [path.decode() for path in examples.labels["image_id"]]
        np.testing.assert_allclose(examples.inputs, [mean_colour(pictures / path) for path in paths], rtol=1e-4)
        np.testing.assert_array_equal(examples.labels["image"], [pixels(pictures / path) for path in paths])
        assert list(examples.labels["label"]) == [("circle", "square").index(path.split("/")[0]) for path in paths]
        seen += paths
    assert sorted(seen) == sorted(str(path.relative_to(pictures)) for path in pictures.rglob("*.png"))


def test_tfds_reads_it_with_the_names_of_classes(tmp_path, encoder):
    root, names = tmp_path / "pictures", ("café 日本", "a#b'c\"d", "plain")
    draw_classes(root, names, each=4)
    found = prepare(root, tmp_path / "data", encoder)
    builder = tfds.builder_from_directory(found.path)
    assert (builder.info.name, str(builder.info.version)) == (NAME, "1.0.0")
    assert builder.info.features["label"].names == sorted(names)
    assert {split: info.num_examples for split, info in builder.info.splits.items()} == found.about["examples"]
    for example in tfds.as_numpy(builder.as_dataset(split="train")):
        path = root / example["image_id"].decode()
        np.testing.assert_allclose(example["logit"], mean_colour(path), rtol=1e-4)
        np.testing.assert_array_equal(example["image"], pixels(path))
        assert builder.info.features["label"].int2str(example["label"]) == path.parent.name


def test_shards_are_as_large_as_asked_and_promised_right(tmp_path, pictures, encoder):
    found = prepare(pictures, tmp_path / "data", encoder)
    assert sorted(file for file in os.listdir(found.path) if "tfrecord" in file) == [
        *(f"{NAME}-{split}.tfrecord-00000-of-00001" for split in ("test",)),
        *(f"{NAME}-train.tfrecord-{index:05d}-of-00003" for index in range(3)),
        *(f"{NAME}-valid.tfrecord-00000-of-00001",),
    ]
    with open(os.path.join(found.path, "dataset_info.json")) as file:
        splits = {split["name"]: split for split in json.load(file)["splits"]}
    assert splits["train"]["shardLengths"] == ["6", "6", "4"]
    assert os.listdir(tmp_path / "data" / NAME) == ["1.0.0"]


def test_without_classes_and_images_there_are_features_and_paths(tmp_path, encoder):
    for index in range(10):
        draw(tmp_path / "pictures" / f"{index}.png", index)
    prepare(tmp_path / "pictures", tmp_path / "data", encoder, kept_side=0)
    data = ByolFolder(NAME, str(tmp_path / "data"))
    assert data.labels() == ["image_id"]
    examples = data.load("train")
    paths = [path.decode() for path in examples.labels["image_id"]]
    expected = [mean_colour(tmp_path / "pictures" / path) for path in paths]
    np.testing.assert_allclose(examples.inputs, expected, rtol=1e-4)


def test_split_folders_are_kept_as_they_are(tmp_path, encoder):
    root = tmp_path / "pictures"
    for split, each in (("train", 5), ("val", 2), ("test", 3)):
        draw_classes(root / split, each=each)
    found = prepare(root, tmp_path / "data", encoder)
    assert found.about["examples"] == {"train": 10, "valid": 4, "test": 6}
    paths = ByolFolder(NAME, str(tmp_path / "data")).load("valid").labels["image_id"]
    assert list(paths) == [b"val/circle/000.png", b"val/circle/001.png", b"val/square/000.png", b"val/square/001.png"]


def test_kept_images_are_resized_whatever_the_encoder_sees(tmp_path, pictures, encoder):
    prepare(pictures, tmp_path / "data", encoder, kept_side=8)
    examples = ByolFolder(NAME, str(tmp_path / "data")).load("test")
    assert examples.labels["image"].shape == (2, 8, 8, 3)
    for path, image in zip(examples.labels["image_id"], examples.labels["image"], strict=True):
        expected = Image.open(pictures / path.decode()).resize((8, 8), Image.Resampling.BILINEAR)
        assert np.abs(image.astype(int) - np.asarray(expected)).max() <= 1


def test_finished_data_set_is_left_alone_and_other_arguments_are_refused(tmp_path, pictures, encoder, capsys):
    prepare(pictures, tmp_path / "data", encoder)
    before = snapshot(tmp_path / "data")
    capsys.readouterr()
    prepare(pictures, tmp_path / "data", encoder)
    assert "is prepared already" in capsys.readouterr().out
    for given, expected in (
        ({"kept_side": 8}, "keep_images was 16, is 8"),
        ({"seed": 1}, "seed was 0, is 1"),
        ({"splits": (0.5, 0.25, 0.25)}, "'train': 16.*'train': 10"),
    ):
        with pytest.raises(UserError, match=f"was prepared otherwise.*{expected}.*another --name"):
            prepare(pictures, tmp_path / "data", encoder, **given)
    draw(pictures / "circle" / "new.png", 99)
    with pytest.raises(UserError, match="images was 20, is 21"):
        prepare(pictures, tmp_path / "data", encoder)
    assert snapshot(tmp_path / "data") == before


def test_data_set_that_another_library_decoded_is_another_one(tmp_path, pictures, encoder):
    path = os.path.join(prepare(pictures, tmp_path / "data", encoder).path, "preparation.json")
    with open(path) as file:
        about = json.load(file)
    del about["decoder"]
    with open(path, "w") as file:
        json.dump(about, file)
    with pytest.raises(UserError, match="was prepared otherwise .decoder was None, is 'Pillow'.*another --name"):
        prepare(pictures, tmp_path / "data", encoder)


def test_data_set_that_came_from_elsewhere_is_not_touched(tmp_path, pictures, encoder):
    (tmp_path / "data" / NAME / "1.0.0").mkdir(parents=True)
    (tmp_path / "data" / NAME / "1.0.0" / "features.json").write_text("{}")
    before = snapshot(tmp_path / "data")
    with pytest.raises(UserError, match="was not made by this command"):
        prepare(pictures, tmp_path / "data", encoder)
    assert snapshot(tmp_path / "data") == before


def break_one(pictures, encoder, tmp_path):
    """Damages the image that comes last in training, and prepares up to there; returns its path and its content."""
    order = partition(read_folder(str(pictures)).images, (0.8, 0.1, 0.1), 0)["train"]
    path = pictures / order[-1].path
    whole = path.read_bytes()
    path.write_bytes(whole[:40])
    with pytest.raises(UserError) as caught:
        prepare(pictures, tmp_path / "data", encoder)
    assert f"{path} cannot be decoded" in str(caught.value) and "--skip_broken" in str(caught.value)
    encoded = os.listdir(tmp_path / "data" / NAME / ".unfinished-1.0.0" / "encoded")
    assert sorted(encoded) == [f"{NAME}-train.tfrecord-{index:05d}-of-00003.npz" for index in range(2)]
    return path, whole


def test_broken_image_is_named_and_once_repaired_finished_files_are_kept(
    tmp_path, pictures, encoder, capsys
):
    expected = snapshot(prepare_elsewhere(tmp_path, pictures, encoder))
    path, whole = break_one(pictures, encoder, tmp_path)
    path.write_bytes(whole)
    capsys.readouterr()
    prepare(pictures, tmp_path / "data", encoder)
    assert "Resuming: 2 of 5 files are done." in capsys.readouterr().out
    assert snapshot(tmp_path / "data") == expected


def prepare_elsewhere(tmp_path, pictures, encoder):
    prepare(pictures, tmp_path / "elsewhere", encoder)
    return tmp_path / "elsewhere"


def test_broken_image_is_left_out_where_that_is_asked_for_and_noted(tmp_path, pictures, encoder):
    path, _ = break_one(pictures, encoder, tmp_path)
    found = prepare(pictures, tmp_path / "data", encoder, skips_broken=True)
    broken = str(path.relative_to(pictures))
    assert found.about["left_out"] == [broken] and found.about["examples"] == {"train": 15, "valid": 2, "test": 2}
    assert broken in found.summary()
    # A batch of the usual size would be larger than the split.
    assert " --gin_param=batch_size=15 --data_dir=" in found.summary()
    examples = ByolFolder(NAME, str(tmp_path / "data")).load("train")
    paths = [path.decode() for path in examples.labels["image_id"]]
    assert len(paths) == 15 and broken not in paths
    np.testing.assert_allclose(examples.inputs, [mean_colour(pictures / path) for path in paths], rtol=1e-4)


def test_file_of_broken_images_only_is_empty_and_a_split_of_them_is_refused(tmp_path, encoder):
    root = tmp_path / "pictures"
    for index in range(4):
        draw(root / "train" / f"{index}.png", index)
        (root / "test").mkdir(exist_ok=True)
        (root / "test" / f"{index}.png").write_bytes(b"")
    for index in (0, 1):
        (root / "train" / f"{index}.png").write_bytes(b"")
    with pytest.raises(UserError, match="No image of the split 'test'"):
        prepare(root, tmp_path / "data", encoder, shard_size=2, skips_broken=True)
    draw(root / "test" / "3.png", 3)
    prepare(root, tmp_path / "data", encoder, shard_size=2, skips_broken=True)
    data = ByolFolder(NAME, str(tmp_path / "data"))
    assert [list(data.load(split).labels["image_id"]) for split in ("train", "test")] == [
        [b"train/2.png", b"train/3.png"],
        [b"test/3.png"],
    ]


def test_half_prepared_data_set_is_reported_and_other_arguments_are_refused(tmp_path, pictures, encoder):
    break_one(pictures, encoder, tmp_path)
    with pytest.raises(UserError, match="half prepared: run tf-emcom prepare-features with the same flags again"):
        ByolFolder(NAME, str(tmp_path / "data")).features()
    before = snapshot(tmp_path / "data")
    with pytest.raises(UserError, match="is half prepared otherwise .batch_size was 3, is 4.; give the same flags"):
        prepare(pictures, tmp_path / "data", encoder, batch_size=4)
    assert snapshot(tmp_path / "data") == before


def test_changed_image_is_encoded_again_when_an_unfinished_preparation_resumes(tmp_path, pictures, encoder):
    path, whole = break_one(pictures, encoder, tmp_path)
    path.write_bytes(whole)
    order = partition(read_folder(str(pictures)).images, (0.8, 0.1, 0.1), 0)["train"]
    draw(pictures / order[0].path, 77)
    prepare(pictures, tmp_path / "data", encoder)
    examples = ByolFolder(NAME, str(tmp_path / "data")).load("train", [])
    np.testing.assert_allclose(examples.inputs[0], mean_colour(pictures / order[0].path), rtol=1e-4)


def test_cut_file_and_a_missing_one_are_made_again(tmp_path, pictures, encoder):
    expected = snapshot(prepare_elsewhere(tmp_path, pictures, encoder))
    path, whole = break_one(pictures, encoder, tmp_path)
    path.write_bytes(whole)
    unfinished, shard = tmp_path / "data" / NAME / ".unfinished-1.0.0", f"{NAME}-train.tfrecord-0000%d-of-00003"
    os.truncate(unfinished / "encoded" / f"{shard % 0}.npz", 100)
    os.remove(unfinished / "encoded" / f"{shard % 1}.npz")
    prepare(pictures, tmp_path / "data", encoder)
    assert snapshot(tmp_path / "data") == expected


def test_other_arguments_are_fine_while_nothing_is_finished(tmp_path, pictures, encoder):
    whole = {}
    for path in pictures.rglob("*.png"):
        whole[path] = path.read_bytes()
        path.write_bytes(b"")
    with pytest.raises(UserError, match="cannot be decoded .*5 more in this file"):
        prepare(pictures, tmp_path / "data", encoder, shard_size=6)
    for path, content in whole.items():
        path.write_bytes(content)
    found = prepare(pictures, tmp_path / "data", encoder, shard_size=8, batch_size=2)
    assert len([file for file in os.listdir(found.path) if "-train." in file]) == 2


class Stopped(BaseException):
    """Stands for the end of a process."""


def stop_while_standardising(tmp_path, pictures, encoder, monkeypatch):
    """Prepares up to the second standardised file; returns the unfinished folder."""
    apply, files = Standardisation.apply, []

    def stopped(self, features):
        files.append(features)
        if len(files) == 2:
            raise Stopped
        return apply(self, features)

    with monkeypatch.context() as until, pytest.raises(Stopped):
        until.setattr(Standardisation, "apply", stopped)
        prepare(pictures, tmp_path / "data", encoder, standardises=True)
    return tmp_path / "data" / NAME / ".unfinished-1.0.0"


def test_damage_to_what_is_half_prepared_is_found(tmp_path, pictures, encoder, monkeypatch):
    prepare(pictures, tmp_path / "elsewhere", encoder, standardises=True)
    expected = snapshot(tmp_path / "elsewhere")
    for damage in ("an encoded file", "a standardised file"):
        shutil.rmtree(tmp_path / "data", ignore_errors=True)
        unfinished = stop_while_standardising(tmp_path, pictures, encoder, monkeypatch)
        shard = f"{NAME}-train.tfrecord-00000-of-00003"
        if damage == "an encoded file":
            path = unfinished / "encoded" / f"{shard}.npz"
            content = bytearray(path.read_bytes())
            content[content.index(b"PNG")] ^= 1
            path.write_bytes(content)
            with pytest.raises(UserError, match="was damaged after it was written .*encodes these images again"):
                prepare(pictures, tmp_path / "data", encoder, standardises=True)
        else:
            os.truncate(unfinished / "ready" / shard, 100)
        prepare(pictures, tmp_path / "data", encoder, standardises=True)
        assert snapshot(tmp_path / "data") == expected, damage


def test_damaged_description_of_a_finished_data_set_is_reported_in_a_sentence(tmp_path, pictures, encoder):
    path = os.path.join(prepare(pictures, tmp_path / "data", encoder).path, "preparation.json")
    with open(path) as file:
        whole = file.read()
    for content in ("", "[]", "\x00\xff", "[" * 100_000, whole.replace('"left_out"', '"left"')):
        with open(path, "w", encoding="latin-1") as file:
            file.write(content)
        with pytest.raises(UserError, match="preparation.json is damaged .*another --name, or delete"):
            prepare(pictures, tmp_path / "data", encoder)


def test_a_second_process_is_refused_while_the_first_one_prepares(tmp_path, pictures, encoder):
    unfinished = tmp_path / "data" / NAME / ".unfinished-1.0.0"
    unfinished.mkdir(parents=True)
    with open(unfinished / ".lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="Another process is preparing .*wait until it ends"):
            prepare(pictures, tmp_path / "data", encoder)
        assert os.listdir(unfinished) == [".lock"]
    prepare(pictures, tmp_path / "data", encoder)


def test_without_locks_it_warns_and_continues(tmp_path, pictures, encoder, monkeypatch, capsys):
    def refuse(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    # As network file systems do, which no test has here.
    monkeypatch.setattr(fcntl, "flock", refuse)
    prepare(pictures, tmp_path / "data", encoder)
    assert "has no locks; let no second process write there" in capsys.readouterr().err


def test_features_are_standardised_by_the_training_split_unless_asked_otherwise(tmp_path, pictures, encoder):
    found = prepare(pictures, tmp_path / "data", encoder, standardises=True)
    data = ByolFolder(NAME, str(tmp_path / "data"))
    examples = {split: data.load(split) for split in ("train", "valid", "test")}
    raw = {
        split: np.array([mean_colour(pictures / path.decode()) for path in given.labels["image_id"]])
        for split, given in examples.items()
    }
    mean, deviation = raw["train"].mean(axis=0), raw["train"].std(axis=0)
    for split, given in examples.items():
        np.testing.assert_allclose(given.inputs, (raw[split] - mean) / deviation, atol=1e-4)
        assert given.labels["image"].shape == (len(given.inputs), 16, 16, 3)
    with open(os.path.join(found.path, "standardisation.json")) as file:
        kept = json.load(file)
    np.testing.assert_allclose([kept["mean"], kept["deviation"]], [mean, deviation], rtol=1e-4)
    with pytest.raises(UserError, match="standardise was True, is False"):
        prepare(pictures, tmp_path / "data", encoder)


def test_feature_that_never_differs_becomes_zero(tmp_path, encoder):
    for index in range(10):
        Image.new("RGB", (16, 16), (77, 33, 0)).save(tmp_path / f"{index}.png")
    prepare(tmp_path, tmp_path / "data", encoder, standardises=True)
    np.testing.assert_allclose(ByolFolder(NAME, str(tmp_path / "data")).load("train").inputs, 0.0, atol=1e-5)


def test_features_that_are_not_finite_are_refused(tmp_path, pictures):
    import keras

    model = keras.saving.load_model(save_keras(tmp_path / "encoder.keras"))
    model.layers[-1].set_weights([np.full((3, 2), np.nan), np.zeros(2)])
    model.save(tmp_path / "nan.keras")
    with pytest.raises(UserError, match=r"numbers of \w+/\d+.png that are not finite"):
        prepare(pictures, tmp_path / "data", str(tmp_path / "nan.keras"))


def test_full_disk_is_reported_and_the_same_command_resumes(tmp_path, pictures, encoder):
    rng, limits = np.random.default_rng(0), resource.getrlimit(resource.RLIMIT_FSIZE)
    for path in pictures.rglob("*.png"):
        Image.fromarray(rng.integers(256, size=(16, 16, 3), dtype=np.uint8)).save(path)
    expected = snapshot(prepare_elsewhere(tmp_path, pictures, encoder))
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4500, limits[1]))
        with pytest.raises(UserError, match="train.tfrecord-00000-of-00003.npz cannot be .*same command") as caught:
            prepare(pictures, tmp_path / "data", encoder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "data").rglob("*.new"))
    prepare(pictures, tmp_path / "data", encoder)
    assert snapshot(tmp_path / "data") == expected


def test_disk_that_is_too_small_is_reported_before_anything_is_encoded(tmp_path, pictures, encoder):
    with pytest.raises(UserError, match="GB are free"):
        prepare(pictures, tmp_path / "data", encoder, kept_side=10**7)


def test_folder_that_cannot_be_made_is_reported(tmp_path, pictures, encoder):
    # A file in the way stops even an administrator.
    (tmp_path / "data").write_text("")
    with pytest.raises(UserError, match="cannot be prepared .*name another --data_dir"):
        prepare(pictures, tmp_path / "data", encoder)


@pytest.mark.parametrize("name", ["", "my birds", "my-birds", "2birds", "_birds", "vögel", "a/b", "birds\n", "a.b"])
def test_name_that_tfds_cannot_read_is_refused(tmp_path, pictures, encoder, name):
    with pytest.raises(UserError, match="letters, digits and underscores"):
        prepare(pictures, tmp_path / "data", encoder, name=name)
    assert not (tmp_path / "data").exists()


def test_pictures_are_kept_without_loss(tmp_path, pictures, encoder):
    found = prepare(pictures, tmp_path / "data", encoder)
    features = tfds.features.FeatureConnector.from_config(found.path)
    assert features["image"].encoding_format == "png" and features["image"].shape == (16, 16, 3)
    with Image.open(io.BytesIO((pictures / "circle" / "000.png").read_bytes())) as image:
        assert image.size == (16, 16)
