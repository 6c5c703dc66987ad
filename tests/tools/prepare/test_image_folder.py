"""Which files are images, and which folders are classes or splits."""

import os
import re

import pytest

from tests.tools.prepare.pictures import draw
from tf_emcom.errors import UserError
from tf_emcom.tools.prepare.image_folder import Image, read_folder


def touch(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")
    return str(root)


def test_folders_are_classes_in_the_order_of_their_names(tmp_path):
    found = read_folder(touch(tmp_path, "wren/b.jpg", "wren/a.PNG", "owl/x.gif", "owl/deep/er/y.webp"))
    assert found.classes == ("owl", "wren")
    assert found.images == [
        *(Image("owl/deep/er/y.webp", 0), Image("owl/x.gif", 0), Image("wren/a.PNG", 1), Image("wren/b.jpg", 1))
    ]
    assert found.splits == {} and found.others == 0


def test_loose_images_have_no_classes(tmp_path):
    found = read_folder(touch(tmp_path, "2.jpeg", "10.bmp"))
    assert found.classes == ()
    assert found.images == [Image("10.bmp", None), Image("2.jpeg", None)]


def test_same_file_name_in_two_classes_is_two_images(tmp_path):
    found = read_folder(touch(tmp_path, "a/1.jpg", "b/1.jpg"))
    assert found.images == [Image("a/1.jpg", 0), Image("b/1.jpg", 1)]


def test_split_folders_are_splits_that_share_their_classes(tmp_path):
    files = ("train/a/1.jpg", "train/c/1.jpg", "val/a/2.jpg", "test/b/3.jpg", "test/a/4.jpg")
    found = read_folder(touch(tmp_path, *files))
    assert found.classes == ("a", "b", "c")
    assert found.splits == {
        "train": [Image("train/a/1.jpg", 0), Image("train/c/1.jpg", 2)],
        "valid": [Image("val/a/2.jpg", 0)],
        "test": [Image("test/a/4.jpg", 0), Image("test/b/3.jpg", 1)],
    }


def test_split_folders_without_classes(tmp_path):
    found = read_folder(touch(tmp_path, "train/1.jpg", "test/2.jpg"))
    assert found.classes == ()
    assert found.splits == {"train": [Image("train/1.jpg", None)], "test": [Image("test/2.jpg", None)]}


def test_a_class_that_is_called_train_is_a_class_beside_others(tmp_path):
    found = read_folder(touch(tmp_path, "train/1.jpg", "bus/2.jpg"))
    assert found.classes == ("bus", "train") and found.splits == {}


@pytest.mark.parametrize(
    "names",
    [("Train", "Val", "Test"), ("TRAINING", "Validation", "testing"), ("training", "dev", "TEST")],
    ids=["capitals", "ing", "dev"],
)
def test_usual_names_of_splits_are_known_in_any_case(tmp_path, names):
    found = read_folder(touch(tmp_path, *(f"{name}/{label}/1.jpg" for name in names for label in "ab")))
    assert found.classes == ("a", "b")
    expected = zip(("train", "valid", "test"), names, strict=True)
    assert found.splits == {
        split: [Image(f"{name}/{label}/1.jpg", number) for number, label in enumerate("ab")] for split, name in expected
    }


@pytest.mark.parametrize(
    ("tops", "reason"),
    [
        (("training", "testing", "unlabeled"), "look like splits, but 'unlabeled' is no split's name"),
        (("train", "Unlabelled"), "'train' look like splits, but 'Unlabelled' is no"),
        (("train2017", "val2017"), "'train2017' and 'val2017' look like splits, but 'train2017' is no"),
        (("train", "test_images"), "but 'test_images' is no split's name"),
        (("Training Set", "Test Set"), "but 'Test Set' is no split's name"),
        (("trainA", "trainB", "testA", "testB"), "but 'testA' is no split's name"),
        (("train", "val", "bus"), "but 'bus' is no split's name"),
        (("train", "val", "valid"), "'val' and 'valid' are both the split 'valid'"),
        (("train", "Train"), "'Train' and 'train' are both the split 'train'"),
        (("val", "test"), "'test' and 'val', but no split 'train'"),
        *(
            (tops, "look like splits, but '.*' is no split's name")
            for tops in (
                *(("train", other) for other in ("eval", "evaluation", "holdout", "tests", "infer")),
                *(("gallery", "query", "train"), ("seg_train", "seg_test", "seg_pred"), ("my-train", "my-test")),
                *(("1_train", "2_test"), ("ILSVRC2012_img_train", "ILSVRC2012_img_val"), ("photosTrain", "photosTest")),
            )
        ),
        (("photos/train", "photos/val"), "give --images=.*/photos"),
        (("cat/train", "cat/test", "dog/train"), "splits below another folder.*train/cat/"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
def test_folders_that_may_be_splits_or_classes_are_refused(tmp_path, tops, reason):
    with pytest.raises(UserError, match=reason) as caught:
        read_folder(touch(tmp_path, *(f"{top}/{label}/1.jpg" for top in tops for label in "ab")))
    assert "\n" not in str(caught.value)


def test_classes_with_split_like_names_are_classes(tmp_path):
    found = read_folder(touch(tmp_path, "latest/1.jpg", "contest/1.jpg", "rain/1.jpg", "evaluation/1.jpg"))
    assert found.classes == ("contest", "evaluation", "latest", "rain") and not found.splits


@pytest.mark.parametrize("target", ["..", ".", "../../pictures", "../..", "../b"])
def test_a_link_to_the_folder_itself_or_around_it_reads_no_image_twice(tmp_path, target):
    root = tmp_path / "pictures"
    touch(tmp_path, "other/9.jpg")
    touch(root, "a/1.jpg", "b/2.jpg")
    expected = read_folder(str(root))._replace(links=["a/again"])
    os.symlink(target, root / "a" / "again")
    assert read_folder(str(root)) == expected


def test_a_link_to_another_folder_is_refused(tmp_path):
    touch(tmp_path, "other/9.jpg", "pictures/a/1.jpg", "pictures/.hidden/b/1.jpg")
    for target in ("../other", ".hidden/b"):
        os.symlink(target, tmp_path / "pictures" / "b")
        with pytest.raises(UserError, match=re.escape("pictures/b is a link to the folder ") + ".*not followed"):
            read_folder(str(tmp_path / "pictures"))
        os.remove(tmp_path / "pictures" / "b")


def test_linked_images_are_read_once(tmp_path):
    # As DataLad and the Hugging Face cache keep them: the name is a link to where the content is.
    touch(tmp_path, "store/x", "store/y", "pictures/a/0.jpg")
    for name, target in (("a/1", "store/x"), ("a/2", "pictures/a/0.jpg"), ("b/3", "store/x"), ("b/4", "store/y")):
        (tmp_path / "pictures" / "b").mkdir(exist_ok=True)
        os.symlink(tmp_path / target, tmp_path / "pictures" / f"{name}.jpg")
    found = read_folder(str(tmp_path / "pictures"))
    assert [image.path for image in found.images] == ["a/0.jpg", "a/1.jpg", "b/4.jpg"]
    assert found.links == ["a/2.jpg", "b/3.jpg"]


def test_a_folder_that_is_named_by_a_link_is_read(tmp_path):
    touch(tmp_path, "pictures/a/1.jpg")
    os.symlink("pictures", tmp_path / "link")
    assert read_folder(str(tmp_path / "link")).images == [Image("a/1.jpg", 0)]


def test_a_pipe_is_no_image(tmp_path):
    touch(tmp_path, "a/1.jpg")
    os.mkfifo(tmp_path / "a" / "2.jpg")
    os.symlink("2.jpg", tmp_path / "a" / "3.jpg")
    found = read_folder(str(tmp_path))
    assert [image.path for image in found.images] == ["a/1.jpg"] and found.others == 2


@pytest.mark.parametrize("name", ["two words", "café", "日本", "a#b%c&d", "quo'te\"s", "{curly}", "-dash", "tab\tin"])
def test_class_with_odd_characters_is_kept(tmp_path, name):
    assert read_folder(touch(tmp_path, f"{name}/1.jpg", "z̄/2.jpg")).classes == tuple(sorted((name, "z̄")))


@pytest.mark.parametrize("name", [" before", "after ", "line\nbreak", "re\rturn"])
def test_class_that_tfds_cannot_keep_is_refused(tmp_path, name):
    with pytest.raises(UserError, match="rename it"):
        read_folder(touch(tmp_path, f"{name}/1.jpg"))


def test_hidden_files_do_not_count_and_others_are_counted(tmp_path):
    found = read_folder(touch(tmp_path, "a/1.jpg", "a/._1.jpg", ".trash/2.jpg", ".DS_Store", "a/readme.txt", "a/x.tif"))
    assert [image.path for image in found.images] == ["a/1.jpg"]
    assert found.others == 2


def test_trailing_slash_does_not_matter(tmp_path):
    draw(tmp_path / "a" / "1.png", 0)
    assert read_folder(f"{tmp_path}/").images == [Image("a/1.png", 0)]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ((), "no .jpg"),
        (("a/1.txt",), r"1 other files.*FOLDER/<class>/"),
        (("1.jpg", "a/2.jpg"), "a/2.jpg lies in one folder more than 1.jpg"),
        (("train/a/1.jpg", "test/2.jpg"), "train/a/1.jpg lies in one folder more than test/2.jpg"),
    ],
    ids=["empty", "no image", "loose and in classes", "test without classes"],
)
def test_folder_that_cannot_be_read_as_classes_is_refused(tmp_path, files, expected):
    with pytest.raises(UserError, match=expected):
        read_folder(touch(tmp_path, *files))


def test_missing_folder_and_file_in_its_place_are_refused(tmp_path):
    draw(tmp_path / "1.png", 0)
    for path in (tmp_path / "none", tmp_path / "1.png"):
        with pytest.raises(UserError, match="is no folder"):
            read_folder(str(path))
