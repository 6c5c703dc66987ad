"""Images in folders: which there are, what they show, and in which split somebody put them."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.preparation.image_files import ENDINGS, files_below
from tf_emcom.preparation.split_names import splits_of

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
      links: paths of links that are not followed, since they lead to what is in the folder already.
    """

    root: str
    classes: tuple[str, ...]
    images: list[Image]
    splits: dict[str, list[Image]]
    others: int
    links: list[str]


def read_folder(root: str) -> ImageFolder:
    """Finds all images below a folder; files and folders whose names begin with a dot do not count.

    Raises:
      UserError: there is no such folder or no image in it, it cannot be told which images belong together, some
        folders look like splits and others do not, or a link leads to another folder.
    """
    if not tf.io.gfile.isdir(root):
        raise UserError(f"--images is {root}, which is no folder; expected {_LAYOUTS}.")
    paths, others, links = files_below(root)
    if not paths:
        found = f" ({others} other files)" if others else ""
        raise UserError(f"--images is {root}, where no {', '.join(ENDINGS)} is found{found}; expected {_LAYOUTS}.")
    _refuse_mixed(root, paths, lambda path: "/" in path)
    split_of = splits_of(root, paths)
    inner = {path: path.partition("/")[2] if split_of else path for path in paths}
    _refuse_mixed(root, paths, lambda path: "/" in inner[path])
    classes = sorted({path.partition("/")[0] for path in inner.values() if "/" in path})
    _refuse_unkeepable(classes)
    number = {name: index for index, name in enumerate(classes)}
    images = [Image(path, number.get(inner[path].partition("/")[0]) if classes else None) for path in paths]
    splits: dict[str, list[Image]] = {}
    for image in images if split_of else []:
        splits.setdefault(split_of[image.path.partition("/")[0]], []).append(image)
    return ImageFolder(root, tuple(classes), images, splits, others, links)


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
