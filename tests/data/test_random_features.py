"""Random features have the sizes and the distribution that were asked for."""

import numpy as np
import pytest

from tf_emcom.data.generated import RandomFeatures
from tf_emcom.errors import UserError


def test_sizes_are_as_asked_for():
    data = RandomFeatures(examples=50, features=7, classes=3, attributes=4, image_side=5)
    examples = data.load("train")
    assert data.features() == 7
    assert {name: (v.shape, v.dtype) for name, v in examples.labels.items()} == {
        "label": ((50,), np.int32),
        "attributes": ((50, 4), np.int32),
        "image": ((50, 5, 5, 3), np.uint8),
    }
    assert examples.inputs.shape == (50, 7) and examples.inputs.dtype == np.float32
    assert set(examples.labels["label"]) == {0, 1, 2}
    assert set(examples.labels["attributes"].ravel()) == {0, 1}


def test_features_are_standard_normal():
    inputs = RandomFeatures(examples=1000, features=100).load("test", ()).inputs
    assert abs(inputs.mean()) < 0.02
    assert abs(inputs.std() - 1) < 0.02


def test_the_same_seed_gives_the_same_split_and_no_other():
    first, again = (RandomFeatures(8, 4).load("train", ["label"]) for _ in range(2))
    np.testing.assert_array_equal(first.inputs, again.inputs)
    assert list(first.labels) == ["label"]
    assert not np.array_equal(first.inputs, RandomFeatures(8, 4).load("valid", ()).inputs)
    assert not np.array_equal(first.inputs, RandomFeatures(8, 4, seed=1).load("train", ()).inputs)


def test_unknown_split_and_label_are_refused():
    with pytest.raises(UserError, match="no split 'training': choose one of train, valid, test"):
        RandomFeatures().load("training")
    with pytest.raises(UserError, match="no label 'colour'"):
        RandomFeatures(8, 4).load("train", ["colour"])


@pytest.mark.parametrize("name", ["examples", "features", "classes", "attributes", "image_side"])
def test_sizes_below_one_are_refused(name):
    with pytest.raises(UserError, match=f"RandomFeatures.{name} is 0"):
        RandomFeatures(**{name: 0})
