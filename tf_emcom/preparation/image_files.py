"""Finds the image files below a folder, each of them once."""

import os
import stat
from typing import NamedTuple

import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.files import reason

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")


class FilesBelow(NamedTuple):
    """What lies below a folder.

    Attributes:
      images: paths relative to the folder, sorted part by part.
      others: how many files are no images, by the ends of their names.
      links: paths of links that lead to what is below the folder already, or to a folder around it; sorted.
    """

    images: list[str]
    others: int
    links: list[str]


def files_below(root: str) -> FilesBelow:
    """Walks through a folder; what has a name that begins with a dot does not count.

    A link to a file is read like a file, once: not where its target is an image of the folder itself, or of another
    link. A link to a folder is never followed.

    Raises:
      UserError: a folder cannot be read, a name is not in UTF-8, or a link leads to a folder that is elsewhere.
    """
    try:
        if "://" in root:
            return _walk_remote(root.rstrip("/"))
        return _LocalWalk(root).files()
    except UnicodeError as error:
        raise UserError(
            f"--images is {root}, where a name is not in UTF-8 ({error.object!r:.80}); rename it."
        ) from error
    except (OSError, tf.errors.OpError) as error:
        raise UserError(f"--images is {root}, which cannot be read through ({reason(error)}).") from error


def _walk_remote(root: str) -> FilesBelow:
    found = []
    for folder, _, files in tf.io.gfile.walk(root, onerror=_raise):
        inside = folder[len(root) :].strip("/")
        found += [f"{inside}/{file}".lstrip("/") for file in files]
    seen = [path for path in found if not any(part.startswith(".") for part in path.split("/"))]
    images = [path for path in seen if path.lower().endswith(ENDINGS)]
    return FilesBelow(_sorted(images), len(seen) - len(images), [])


def _raise(error: tf.errors.OpError) -> None:
    raise error


class _LocalWalk:
    """One walk on the local disk, which may have links, and files that are none to read from."""

    def __init__(self, root: str) -> None:
        self._root, self._real_root = root, os.path.realpath(root)
        self._images: list[str] = []
        self._links: list[str] = []
        self._skipped: list[str] = []
        self._others = 0

    def files(self) -> FilesBelow:
        folders = [""]
        while folders:
            folders += self._visit(folders.pop())
        known = {os.path.join(self._real_root, path) for path in self._images}
        for path in _sorted(self._links):
            target = os.path.realpath(os.path.join(self._root, path))
            if target in known:
                self._skipped.append(path)
            else:
                known.add(target)
                self._images.append(path)
        return FilesBelow(_sorted(self._images), self._others, sorted(self._skipped))

    def _visit(self, inside: str) -> list[str]:
        """Sorts what is in a folder by what it is; returns the folders in it."""
        with os.scandir(os.path.join(self._root, inside)) as entries:
            found = [entry for entry in entries if not entry.name.startswith(".")]
        folders = []
        for entry in found:
            path = os.path.join(inside, entry.name)
            path.encode()
            if entry.is_dir(follow_symlinks=False):
                folders.append(path)
            elif entry.is_dir():
                self._refuse_elsewhere(path)
                self._skipped.append(path)
            elif not path.lower().endswith(ENDINGS) or _is_special(entry):
                self._others += 1
            elif entry.is_symlink():
                self._links.append(path)
            else:
                self._images.append(path)
        return folders

    def _refuse_elsewhere(self, path: str) -> None:
        target = os.path.realpath(os.path.join(self._root, path))
        is_around = os.path.commonpath((target, self._real_root)) == target
        inner = os.path.relpath(target, self._real_root).split(os.sep)
        if not is_around and any(part.startswith(".") for part in inner):
            raise UserError(
                f"{self._root.rstrip('/')}/{path} is a link to the folder {target}, which is not followed; put"
                f" the folder itself there ('cp -al' copies without taking room on the same disk), or remove the link."
            )


def _is_special(entry: os.DirEntry) -> bool:
    """Whether it is a pipe or a device, which may be read for ever; a link to nothing is none of these."""
    try:
        return not stat.S_ISREG(entry.stat().st_mode)
    except FileNotFoundError:
        return False


def _sorted(paths: list[str]) -> list[str]:
    return sorted(paths, key=lambda path: path.split("/"))
