"""Splits are a function of the images, the shares and the seed."""

import pytest

from tf_emcom.errors import UserError
from tf_emcom.tools.prepare.image_folder import Image, partition, shares_of

IMAGES = [Image(f"{index:03d}.jpg", None) for index in range(103)]


def test_every_image_falls_into_one_split_of_the_right_size():
    splits = partition(IMAGES, (0.8, 0.1, 0.1), 0)
    assert {split: len(images) for split, images in splits.items()} == {"train": 82, "valid": 11, "test": 10}
    assert sorted(image for images in splits.values() for image in images) == IMAGES


def test_every_class_has_its_share_of_every_split():
    counts = (1, 2, 3, 7, 10, 10, 20, 50, 1, 1, 1, 1, 1, 1, 1)
    images = [Image(f"{label}/{index}.jpg", label) for label, count in enumerate(counts) for index in range(count)]
    for seed in range(20):
        splits = partition(images, (0.7, 0.2, 0.1), seed)
        assert sorted(image for found in splits.values() for image in found) == sorted(images)
        for share, found in zip((0.7, 0.2, 0.1), splits.values(), strict=True):
            assert abs(len(found) - share * len(images)) < 2
            labels = [image.label for image in found]
            for label, count in enumerate(counts):
                assert abs(labels.count(label) - share * count) < 1 + 1e-9
            # Batches of neighbours are no batches of one class.
            assert labels != sorted(labels)


def test_which_of_a_class_goes_where_is_drawn():
    images = [Image(f"{label}/{index}.jpg", label) for label in range(2) for index in range(10)]
    drawn = {tuple(partition(images, (0.8, 0.1, 0.1), seed)["test"]) for seed in range(30)}
    assert len(drawn) > 15 and len({image for found in drawn for image in found}) > 15


def test_partition_is_a_function_of_the_seed():
    assert partition(IMAGES, (0.8, 0.1, 0.1), 3) == partition(IMAGES, (0.8, 0.1, 0.1), 3)
    assert partition(IMAGES, (0.8, 0.1, 0.1), 3) != partition(IMAGES, (0.8, 0.1, 0.1), 4)


def test_partition_of_seed_0_never_changes():
    # Another order would be another data set under the same name.
    found = partition(IMAGES[:5], (0.6, 0.2, 0.2), 0)
    rows = [int(image.path.removesuffix(".jpg")) for images in found.values() for image in images]
    assert rows == [2, 4, 3, 0, 1]


def test_share_of_zero_leaves_a_split_out():
    assert list(partition(IMAGES, (0.9, 0.0, 0.1), 0)) == ["train", "test"]
    assert list(partition(IMAGES, (1.0, 0.0, 0.0), 0)) == ["train"]


def test_too_few_images_for_a_split_are_refused():
    with pytest.raises(UserError, match="3 images are too few for --splits=0.8,0.1,0.1"):
        partition(IMAGES[:3], (0.8, 0.1, 0.1), 0)


@pytest.mark.parametrize("text", ["", "0.5,0.5", "a,b,c", "0.8,0.1,0.2", "0,0.5,0.5", "1.2,-0.1,-0.1", "1,nan,0"])
def test_shares_that_do_not_add_up_are_refused(text):
    with pytest.raises(UserError, match="add up to 1"):
        shares_of(text)


def test_shares_are_read():
    assert shares_of("0.7,0.2,0.1") == (0.7, 0.2, 0.1)
