"""Where a corpus lies while it is written, and how it takes the place of an older one."""

import os
import shutil

from tf_emcom.corpora import manifest
from tf_emcom.errors import UserError

_UNFINISHED, _REPLACED = ".unfinished", ".replaced"


def unfinished(path: str) -> str:
    """Where the corpus that will be at `path` lies until it is complete."""
    return f"{path}{_UNFINISHED}"


def standing(path: str) -> str:
    """Where the corpus of `path` is: elsewhere only if a kill came in the middle of `replace`."""
    return f"{path}{_REPLACED}" if os.path.exists(f"{path}{_REPLACED}") and not os.path.exists(path) else path


def require_free(path: str) -> None:
    """Raises a UserError where a corpus at `path` would take the place of something that is none."""
    if "://" in path:
        raise UserError(f"A corpus cannot be written to {path}, only to a local disk; give another --out.")
    is_folder = os.path.isdir(path)
    if (os.path.exists(path) and not is_folder) or (
        is_folder and os.listdir(path) and not os.path.exists(os.path.join(path, manifest.FILE))
    ):
        raise UserError(f"{path} is there already and is no corpus, so it is left alone; give another --out.")


def put_back(path: str) -> None:
    """Mends what a kill left in the middle of `replace`: the older corpus is where it was."""
    if os.path.exists(f"{path}{_REPLACED}") and not os.path.exists(path):
        os.rename(f"{path}{_REPLACED}", path)


def replace(path: str) -> None:
    """The corpus that is complete takes its place, and the older one is deleted."""
    shutil.rmtree(f"{path}{_REPLACED}", ignore_errors=True)
    if os.path.exists(path):
        os.rename(path, f"{path}{_REPLACED}")
    os.rename(unfinished(path), path)
    shutil.rmtree(f"{path}{_REPLACED}", ignore_errors=True)
