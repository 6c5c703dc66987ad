"""Images in folders: which there are, what they show, and in which split somebody put them."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tf_emcom.errors import UserError

_ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")
# How folders of splits are called, and what the splits are called here.
_SPLIT_OF = {"train": "train", "valid": "valid", "val": "valid", "validation": "valid", "test": "test"}
_LAYOUTS = "images in FOLDER itself, in FOLDER/<class>/, or in FOLDER/train/<class>/, FOLDER/valid/… and FOLDER/test/…"


class Image(NamedTuple):
    """One image.

    Attributes:
      path: relative to the folder of all images, its parts separated by slashes.
      label: the number of its class, None where there are no classes.
    """

    path: str
    label: int | None


class ImageFolder(NamedTuple):
    """All images below a folder.

    Attributes:
      root: that folder.
      classes: their names, sorted; none where images lie in no folders of classes.
      images: sorted by path.
      splits: split → its images, sorted by path; empty where the folders make no splits.
      others: how many files are no images, by the ends of their names.
    """

    root: str
    classes: tuple[str, ...]
    images: list[Image]
    splits: dict[str, list[Image]]
    others: int


def read_folder(root: str) -> ImageFolder:
    """Finds all images below a folder; files and folders whose names begin with a dot do not count.

    Raises:
      UserError: there is no such folder or no image in it, or it cannot be told which images belong together.
    """
    paths, others = _files_below(root)
    if not paths:
        found = f" ({others} other files)" if others else ""
        raise UserError(f"--images is {root}, where no {', '.join(_ENDINGS)} is found{found}; expected {_LAYOUTS}.")
    tops = {path.partition("/")[0] for path in paths if "/" in path}
    _refuse_mixed(root, paths, lambda path: "/" in path)
    is_split = "train" in tops and tops <= set(_SPLIT_OF)
    inner = {path: path.partition("/")[2] if is_split else path for path in paths}
    _refuse_mixed(root, paths, lambda path: "/" in inner[path])
    classes = sorted({path.partition("/")[0] for path in inner.values() if "/" in path})
    _refuse_unkeepable(classes)
    number = {name: index for index, name in enumerate(classes)}
    images = [Image(path, number.get(inner[path].partition("/")[0]) if classes else None) for path in paths]
    splits: dict[str, list[Image]] = {}
    for image in images if is_split else []:
        splits.setdefault(_SPLIT_OF[image.path.partition("/")[0]], []).append(image)
    return ImageFolder(root, tuple(classes), images, splits, others)


def _files_below(root: str) -> tuple[list[str], int]:
    """The paths of images relative to `root`, sorted part by part, and how many other files there are."""
    root = root.rstrip("/") or "/"
    if not tf.io.gfile.isdir(root):
        raise UserError(f"--images is {root}, which is no folder; expected {_LAYOUTS}.")
    found = []
    try:
        for folder, _, files in tf.io.gfile.walk(root, onerror=_raise):
            inside = folder[len(root) :].strip("/")
            found += [f"{inside}/{file}".lstrip("/") for file in files]
    except UnicodeDecodeError as error:
        raise UserError(
            f"--images is {root}, where a name is not in UTF-8 ({error.object!r:.80}); rename it."
        ) from error
    except tf.errors.OpError as error:
        raise UserError(f"--images is {root}, which cannot be read through ({error.message}).") from error
    seen = [path for path in found if not any(part.startswith(".") for part in path.split("/"))]
    images = [path for path in seen if path.lower().endswith(_ENDINGS)]
    return sorted(images, key=lambda path: path.split("/")), len(seen) - len(images)


def _raise(error: tf.errors.OpError) -> None:
    raise error


def _refuse_mixed(root: str, paths: list[str], is_deeper: Callable[[str], bool]) -> None:
    deeper = [path for path in paths if is_deeper(path)]
    if deeper and len(deeper) < len(paths):
        loose = next(path for path in paths if not is_deeper(path))
        raise UserError(
            f"In {root}, {deeper[0]} lies in one folder more than {loose}, so that it is not clear what is a class;"
            f" expected {_LAYOUTS}."
        )


def _refuse_unkeepable(classes: list[str]) -> None:
    """TFDS keeps the names of classes in a file, one a line, and strips the lines."""
    for name in classes:
        if name != name.strip() or len(name.splitlines()) > 1:
            raise UserError(
                f"The class folder {name!r} has a line break, or white space at an end, in its name, which data sets"
                " cannot keep; rename it."
            )
