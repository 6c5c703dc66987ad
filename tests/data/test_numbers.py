"""Numbers are read as they were written, with all of their digits and finite, or an error names the wrong one."""

import os

import numpy as np
import pytest
import tensorflow_datasets as tfds

import tf_emcom as ec
from tests import lewis
from tests.feature_folders import write_byol_folder, write_folder
from tf_emcom.data.byol_folder import ByolFolder
from tf_emcom.data.source import Examples, finite_only, require_finite
from tf_emcom.errors import UserError

NAME = "own"
LARGE = [9_876_543_210, 2**32 + 3, -(2**40), 2**63 - 1, -(2**63), 7]
TYPES = ("float32", "float16", "bfloat16")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def written(root, label, values, dtype=np.float32, inputs=None):
    """A folder of examples with three features and `label`, a TFDS feature, in the splits train and test."""
    inputs = np.ones((len(values), 3), dtype) if inputs is None else inputs
    schema = tfds.features.FeaturesDict({"logit": tfds.features.Tensor(shape=(3,), dtype=dtype), "label": label})
    rows = [{"logit": row, "label": value} for row, value in zip(inputs, values, strict=True)]
    write_folder(str(root / NAME / "1.0.0"), NAME, schema, {"train": rows, "test": rows})
    return str(root)


@pytest.mark.parametrize("least", [2**28, 0], ids=["memory", "cache"])
def test_labels_keep_64_bits(tmp_path, least):
    data_dir = written(tmp_path, tfds.features.Scalar(np.int64), LARGE)
    for _ in range(2):
        found = ByolFolder(NAME, data_dir, least_packed_bytes=least).load("train").labels["label"]
        assert found.dtype == np.int64
        assert found.tolist() == LARGE


@pytest.mark.parametrize("least", [2**28, 0], ids=["memory", "cache"])
@pytest.mark.parametrize(
    ("dtype", "values", "expected"),
    [
        (np.uint32, [2**32 - 1, 0], np.int64),
        (np.uint64, [2**63 - 1, 0], np.int64),
        (np.int32, [-(2**31), 2**31 - 1], np.int32),
        (np.uint16, [2**16 - 1, 0], np.int32),
        (np.int8, [-128, 127], np.int32),
        (np.bool_, [True, False], np.int32),
    ],
)
def test_every_integer_type_comes_as_written(tmp_path, least, dtype, values, expected):
    data_dir = written(tmp_path, tfds.features.Tensor(shape=(), dtype=dtype), values)
    found = ByolFolder(NAME, data_dir, least_packed_bytes=least).load("train").labels["label"]
    assert found.dtype == expected
    assert found.tolist() == [int(value) for value in values]


@pytest.mark.parametrize("least", [2**28, 0], ids=["memory", "cache"])
def test_uint64_that_64_bits_with_a_sign_cannot_hold_is_refused(tmp_path, least):
    data_dir = written(tmp_path, tfds.features.Tensor(shape=(), dtype=np.uint64), [1, 2**63 + 5])
    with pytest.raises(UserError, match="^The label 'label' of split 'train' .* the number 9223372036854775813, "):
        ByolFolder(NAME, data_dir, least_packed_bytes=least).load("train")


def test_class_larger_than_its_type_is_refused_and_not_cut(tmp_path):
    # Written as a number, declared as a class, as a folder of other programs may be.
    data_dir = written(tmp_path, tfds.features.Scalar(np.int64), [2**32 + 3, 1])
    features = tfds.features.FeaturesDict(
        {"logit": tfds.features.Tensor(shape=(3,), dtype=np.float32), "label": tfds.features.ClassLabel(num_classes=5)}
    )
    features.save_config(os.path.join(data_dir, NAME, "1.0.0"))
    with pytest.raises(UserError, match=f"'label' of split 'train' .* has the number {2**32 + 3}, which its type"):
        ByolFolder(NAME, data_dir).load("train")


@pytest.mark.parametrize("least", [2**28, 0], ids=["memory", "cache"])
@pytest.mark.parametrize("stored_as", TYPES)
@pytest.mark.parametrize(("value", "expected"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")])
def test_nan_and_infinity_in_any_split_are_named(tmp_path, least, stored_as, value, expected):
    inputs = np.ones((7, 3), np.float32)
    inputs[5, 2] = value
    data_dir = written(tmp_path, tfds.features.Scalar(np.int64), range(7), inputs=inputs)
    for split in ("train", "test"):
        with pytest.raises(UserError, match=rf"^Split '{split}' in .*: {expected}.* in row 5, feature 2 of 'logit'"):
            ByolFolder(NAME, data_dir, stored_as=stored_as, least_packed_bytes=least).load(split, ())


def test_double_that_is_too_large_for_float32_is_no_silent_infinity(tmp_path):
    inputs = np.ones((3, 3), np.float64)
    # TFRecords hold float32, so that the writer has cut it already.
    inputs[1, 0] = 1e300
    data_dir = written(tmp_path, tfds.features.Scalar(np.int64), range(3), np.float64, inputs)
    with pytest.raises(UserError, match="infinity, or a number beyond 3.4e.38, the largest of float32, in row 1"):
        ByolFolder(NAME, data_dir).load("train")


@pytest.mark.parametrize("least", [2**28, 0], ids=["memory", "cache"])
def test_nan_in_a_float_label_is_named(tmp_path, least):
    data_dir = written(tmp_path, tfds.features.Tensor(shape=(2,), dtype=np.float32), [[0, 1], [2, np.nan]])
    with pytest.raises(UserError, match="NaN in row 1, feature 1 of 'label'"):
        ByolFolder(NAME, data_dir, least_packed_bytes=least).load("train")
    assert ByolFolder(NAME, data_dir, least_packed_bytes=least).load("train", ()).labels == {}


def test_place_is_found_in_every_block_of_a_large_array():
    values = np.zeros((5_000, 2_048), np.float32)
    require_finite(values, "x", "Here")
    for row in (0, 2_047, 2_048, 4_999):
        values[row, 7] = np.nan
        with pytest.raises(UserError, match=f"^Here: NaN in row {row:,}, feature 7 of 'x'"):
            require_finite(values, "x", "Here")
        values[row, 7] = 0


def test_row_is_counted_from_the_first_shard_on_after_an_interruption(tmp_path):
    inputs = np.ones((3000, 3), np.float32)
    inputs[2500, 1] = np.nan
    data_dir = written(tmp_path, tfds.features.Scalar(np.int64), range(3000), inputs=inputs)
    split = ByolFolder(NAME, data_dir)._split("train", ())
    with pytest.raises(UserError, match="NaN in row 2,500, feature 1"):
        list(split.batches(["logit"], 1, 1500))


class OwnData:
    """A data set as a user writes one."""

    name = "mine"

    def __init__(self, examples):
        self.examples = examples

    def features(self):
        return self.examples.inputs.shape[1]

    def labels(self):
        return tuple(self.examples.labels)

    def load(self, split, labels=None):
        return self.examples.with_labels(labels, self.name)


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_data_set_of_ones_own_is_checked_as_an_experiment_loads_it(split):
    inputs, height = np.ones((4, 3), np.float32), np.ones(4)
    data = finite_only(OwnData(Examples(inputs, {"height": height})))
    assert data.load(split).inputs is inputs
    assert (data.features(), data.labels(), data.name, data.examples.inputs is inputs) == (3, ("height",), "mine", True)
    height[3] = np.inf
    with pytest.raises(UserError, match=f"^Split '{split}' of the data set mine: infinity.* in row 3 of 'height'"):
        data.load(split)
    inputs[2, 1] = np.nan
    with pytest.raises(UserError, match=f"^Split '{split}' of the data set mine: NaN in row 2, feature 1 of 'inputs'"):
        data.load(split, ())


def test_mapped_data_set_is_not_read_again(tmp_path):
    folder = write_byol_folder(tmp_path, NAME, {"train": 4}, 3, None)
    data = ByolFolder(NAME, folder.data_dir)
    assert finite_only(data) is data


def test_examples_given_in_python_are_checked():
    inputs = lewis.inputs(8)
    inputs[6, 4] = np.nan
    with pytest.raises(UserError, match="^Examples given to Trainer.train: NaN in row 6, feature 4 of 'inputs'"):
        ec.Trainer(lewis.make_learner(lewis.lg_s, 4), ec.OneDevice()).train(Examples(inputs, {}), steps=1)
