"""Compares `Digits` with scikit-learn's own arrays."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from tf_emcom.data.generated import Digits
from tf_emcom.errors import UserError

SPLITS = ("train", "valid", "test")


@pytest.fixture(scope="module")
def splits():
    return {split: Digits().load(split) for split in SPLITS}


def test_splits_have_the_documented_sizes_and_types(splits):
    assert [len(splits[split].inputs) for split in SPLITS] == [1258, 180, 359]
    for examples in splits.values():
        assert examples.inputs.dtype == np.float32
        assert examples.inputs.shape[1:] == (64,)
        assert examples.labels["label"].dtype == np.int32
        assert examples.labels["label"].shape == (len(examples.inputs),)
        assert examples.labels["image"].dtype == np.uint8
        assert examples.labels["image"].shape == (len(examples.inputs), 8, 8, 3)


def test_every_image_is_used_exactly_once_with_its_own_digit(splits):
    pixels, digits = load_digits(return_X_y=True)
    # All images are distinct already in the pixels that vary on the training split, so no two rows are equal.
    rows = np.concatenate([splits[split].inputs for split in SPLITS])
    labels = np.concatenate([splits[split].labels["label"] for split in SPLITS])
    assert len(np.unique(rows, axis=0)) == len(rows) == 1797
    # A pixel's rank survives standardising: sort both sides by all pixels that vary.
    varies = rows.any(axis=0)
    ours, theirs = np.lexsort(rows[:, varies].T), np.lexsort(pixels[:, varies].T)
    np.testing.assert_array_equal(labels[ours], digits[theirs])
    for pixel in np.flatnonzero(varies):
        _, ours_ranks = np.unique(rows[ours, pixel], return_inverse=True)
        _, theirs_ranks = np.unique(pixels[theirs, pixel], return_inverse=True)
        np.testing.assert_array_equal(ours_ranks, theirs_ranks)


def test_images_are_scikit_learns_in_grey_and_belong_to_their_inputs(splits):
    pixels, _ = load_digits(return_X_y=True)
    images = np.concatenate([splits[split].labels["image"] for split in SPLITS])
    assert (images == images[..., :1]).all()
    grey = images[..., 0].reshape(-1, 64)
    # Steps of 255 / 16 apart: dividing finds the whole numbers back.
    ours = np.rint(grey / 255 * 16)
    np.testing.assert_array_equal(ours[np.lexsort(ours.T)], pixels[np.lexsort(pixels.T)])
    assert (grey.min(), grey.max()) == (0, 255)
    # A standardised pixel is a straight line of its grey level.
    rows = np.concatenate([splits[split].inputs for split in SPLITS])
    for pixel in np.flatnonzero(splits["train"].inputs.any(axis=0)):
        assert np.corrcoef(grey[:, pixel], rows[:, pixel])[0, 1] == pytest.approx(1, abs=1e-3)


def test_pixels_are_standardised_by_the_training_split_alone(splits):
    train = splits["train"].inputs.astype(np.float64)
    deviation = train.std(axis=0)
    constant = ~train.any(axis=0)
    np.testing.assert_allclose(train.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(deviation[~constant], 1, atol=1e-6)
    # The corner at the top left is blank in all 1,797 images.
    assert constant[0]
    assert all((splits[split].inputs[:, constant] == 0).all() for split in SPLITS)
    # Had the other splits been standardised by themselves, these would be 0.
    assert np.abs(splits["test"].inputs.mean(axis=0)).max() > 0.05


def test_every_split_has_all_ten_digits(splits):
    for examples in splits.values():
        assert set(examples.labels["label"]) == set(range(10))


def test_same_seed_gives_the_same_split_and_another_seed_another(splits):
    np.testing.assert_array_equal(Digits().load("valid").inputs, splits["valid"].inputs)
    assert not np.array_equal(Digits(split_seed=1).load("valid").labels["label"], splits["valid"].labels["label"])


def test_name_is_digits():
    assert Digits().name == "digits"


def test_unknown_split_names_the_known_ones():
    with pytest.raises(UserError, match="'dev'.* train, valid, test"):
        Digits().load("dev")


def test_negative_seed_is_refused():
    with pytest.raises(UserError, match="split_seed is -1"):
        Digits(split_seed=-1)
