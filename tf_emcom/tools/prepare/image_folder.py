"""Folders of images: their splits and classes."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.tools.prepare.images import ENDINGS, files_below

# Usual names of folders of splits, in any case ↦ the name of the split here.
_SPLIT_OF = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("valid", "val", "validation", "dev", "development"), "valid"),
    **dict.fromkeys(("test", "testing"), "test"),
}
# Also words in the names of other people's splits, such as seg_train, 1_train, my-test, ILSVRC2012_img_val, query.
_MEANT = {
    **_SPLIT_OF,
    "trainval": "train",
    **dict.fromkeys(("tests", "eval", "evaluation", "holdout", "heldout", "infer", "inference", "pred"), "another"),
    **dict.fromkeys(("prediction", "predictions", "query", "gallery"), "another"),
    **dict.fromkeys(("unlabeled", "unlabelled", "unsup", "unsupervised", "extra"), "another"),
}
_FILLERS = ("image", "images", "img", "imgs", "set", "sets", "split", "data", "full", "a", "b")
# Of train2017, trainset, test_images and photosTrain as well.
_WORD = re.compile("|".join(sorted([*_MEANT, *_FILLERS[:-2]], key=len, reverse=True)) + "|[a-z]+")


def splits_of(root: str, paths: Sequence[str]) -> dict[str, str]:
    """The split, "train", "valid" or "test", of each folder below a root; empty where the folders are classes.

    `paths` are those of images, relative to the root. UserError where some of the folders look like splits, and not all
    of them are; two are the same split; there is no training split; or splits lie below another folder.
    """
    below: dict[str, set[str]] = {}
    for top, *folders, _ in (path.split("/") for path in paths if "/" in path):
        below.setdefault(top, set()).update(folders[:1])
    found = {top: _SPLIT_OF[top.lower()] for top in sorted(below) if top.lower() in _SPLIT_OF}
    if below and len(found) == len(below):
        _require_one_each(root, found)
        return found
    if like := _like_splits(below):
        odd = next(top for top in [*like, *sorted(below)] if top not in found)
        raise UserError(
            f"In {root}, {_named(like)} look like splits, but {odd!r} is no split's name; call the splits train, valid"
            " and test, and move other folders out; or, if these are classes, give them other names."
        )
    for top, names in below.items():
        if like := _like_splits(names):
            raise UserError(
                f"In {root}, {_named(f'{top}/{name}' for name in like)} look like splits below another folder;"
                f" give --images={root.rstrip('/')}/{top} if {top!r} is no class, or else move the images to"
                f" train/{top}/ and so on."
            )
    return {}


def _like_splits(names: Collection[str]) -> list[str]:
    """Those names of folders that look like splits, where one is about training and another one is not.

    That is all of them, where each has the word of a split in it, or else those that have hardly another word.
    """
    words = {name: {*_WORD.findall(re.sub("(?<=[a-z])(?=[A-Z])", " ", name).lower())} for name in sorted(names)}
    meant = {name: {_MEANT[word] for word in found & _MEANT.keys()} for name, found in words.items()}
    like = [name for name in words if meant[name] and words[name] <= {*_MEANT, *_FILLERS}]
    if all(meant.values()):
        like = list(words)
    kinds = set().union(*(meant[name] for name in like))
    return like if "train" in kinds and len(kinds) > 1 else []


def _require_one_each(root: str, found: dict[str, str]) -> None:
    """UserError where two folders are the same split, or none is the training split."""
    for split in set(found.values()):
        same = [top for top, its in found.items() if its == split]
        if len(same) > 1:
            raise UserError(
                f"In {root}, {_named(same)} are both the split {split!r}; put them together, or move one out."
            )
    if "train" not in found.values():
        raise UserError(
            f"In {root} there is {_named(found)}, but no split 'train'; add a folder train, or give another name to"
            " a class."
        )


def _named(names: Iterable[str]) -> str:
    return " and ".join(map(repr, names))


_LAYOUTS = "images in FOLDER itself, in FOLDER/<class>/, or in FOLDER/train/<class>/, FOLDER/valid/… and FOLDER/test/…"


class Image(NamedTuple):
    """One image."""

    path: str  # relative to the folder of all images, its parts separated by slashes
    label: int | None  # the number of its class, None where there are no classes


class ImageFolder(NamedTuple):
    """All images below a folder."""

    root: str
    classes: tuple[str, ...]  # their names, sorted; empty where images are not in folders of classes
    images: list[Image]  # sorted by path
    splits: dict[str, list[Image]]  # split → its images, sorted by path; empty where the folders are no splits
    others: int  # how many files are no images, by the ends of their names
    links: list[str]  # paths of links that are not followed, since they lead to images that are found already


def read_folder(root: str) -> ImageFolder:
    """Finds all images below a folder; files and folders whose names begin with a dot do not count.

    UserError where there is no such folder or no image in it, classes or splits are not clear, or a link leads to
    another folder.
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
    for name in classes:
        # TFDS keeps the names of classes in a file, one a line, and strips the lines.
        if name != name.strip() or len(name.splitlines()) > 1:
            raise UserError(
                f"The class folder {name!r} has a line break, or white space at an end, in its name, which data sets"
                " cannot keep; rename it."
            )
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


_SPLITS = ("train", "valid", "test")
# Shares such as 0.7 are no exact numbers.
_ROUNDING = 1e-9


def shares_of(text: str) -> tuple[float, float, float]:
    """The shares of train, valid and test, as in "0.8,0.1,0.1"; UserError unless they add up to 1."""
    try:
        shares = tuple(float(share) for share in text.split(","))
    except ValueError:
        shares = ()
    fits = len(shares) == 3 and shares[0] > 0 and all(0 <= share <= 1 for share in shares)
    if not fits or abs(sum(shares) - 1) > 1e-6:
        raise UserError(
            f"--splits is {text!r}; give the shares of train, valid and test, which add up to 1, as in"
            " 0.8,0.1,0.1; a share of 0 leaves valid or test out."
        )
    return shares


def partition(images: Sequence[Image], shares: tuple[float, float, float], seed: int) -> dict[str, list[Image]]:
    """Draws from `seed` the split of each image, so that each class has its share of each split.

    Of a class with n images, a split with the share s gets n·s, rounded up or down; over all classes a split has its
    share within two images. `shares` are those of train, valid and test. Returns split → its images, in the order that
    was drawn, without splits of the share 0; UserError where a split would be empty.
    """
    order = np.random.Generator(np.random.PCG64([seed])).permutation(len(images))
    drawn = [images[index] for index in order]
    sizes = _sizes(Counter(image.label for image in drawn), np.array(shares))
    splits: dict[str, list[Image]] = {split: [] for split, share in zip(_SPLITS, shares, strict=True) if share}
    for image in drawn:
        here = sizes[image.label]
        split = int((here > 0).argmax())
        here[split] -= 1
        splits[_SPLITS[split]].append(image)
    if empty := [split for split, found in splits.items() if not found]:
        raise UserError(
            f"{len(images)} images are too few for --splits={','.join(f'{share:g}' for share in shares)}: nothing is"
            f" left for {empty[0]!r}; have more images, or another share."
        )
    return splits


def _sizes(counts: Mapping[int | None, int], shares: np.ndarray) -> dict[int | None, np.ndarray]:
    """Class → how many of its images each split gets; classes come in the order of `counts`."""
    sizes, so_far, given = {}, 0, np.zeros(len(shares), int)
    for label, count in counts.items():
        so_far += count
        quota = count * shares
        here = np.floor(quota + _ROUNDING).astype(int)
        remainder = np.where(quota - here > _ROUNDING, quota - here, -np.inf)
        wanted = np.diff(np.rint(np.cumsum((0.0, *shares)) * so_far)).astype(int) - given
        # The remaining images go to the splits that lack most by now.
        for split in np.lexsort((-remainder, here - wanted, np.isinf(remainder)))[: count - here.sum()]:
            here[split] += 1
        sizes[label] = here
        given += here
    return sizes
