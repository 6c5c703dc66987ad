"""What is an image, a class and a split."""

import pytest

from tests.preparation.pictures import draw
from tf_emcom.errors import UserError
from tf_emcom.preparation.image_folder import Image, read_folder


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
    ("files", "told"),
    [
        ((), "no .jpg"),
        (("a/1.txt",), r"1 other files.*FOLDER/<class>/"),
        (("1.jpg", "a/2.jpg"), "a/2.jpg lies in one folder more than 1.jpg"),
        (("train/a/1.jpg", "test/2.jpg"), "train/a/1.jpg lies in one folder more than test/2.jpg"),
    ],
    ids=["empty", "no image", "loose and in classes", "test without classes"],
)
def test_folder_that_cannot_be_read_as_classes_is_told(tmp_path, files, told):
    with pytest.raises(UserError, match=told):
        read_folder(touch(tmp_path, *files))


def test_missing_folder_and_file_in_its_place_are_told(tmp_path):
    draw(tmp_path / "1.png", 0)
    for path in (tmp_path / "none", tmp_path / "1.png"):
        with pytest.raises(UserError, match="is no folder"):
            read_folder(str(path))
