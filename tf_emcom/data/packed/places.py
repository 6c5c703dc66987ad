"""Where the cache of a data set lies, and what says that its source has changed."""

import concurrent.futures
import os
import zlib
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tf_emcom import files
from tf_emcom.data.tfds_folder import COPY_AGAIN
from tf_emcom.errors import UserError

_HIDDEN = ".packed"


def places(folder: str, cache_dir: str | None) -> list[str]:
    """Folders in which the cache of `folder`, a version of a prepared data set, may lie, the first choice first.

    Below `cache_dir` where that is given; else beside the data, or, where these are remote or nobody may write there,
    in the user's own cache.
    """
    name, version = os.path.normpath(folder).split(os.sep)[-2:]
    # Data of one name may lie in several folders.
    whose = os.path.join(name, f"{version}-{zlib.crc32(os.path.abspath(folder).encode()):08x}")
    if cache_dir is not None:
        return [os.path.join(os.path.expanduser(cache_dir), whose)]
    beside = [] if "://" in folder else [os.path.join(folder, _HIDDEN)]
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return [*beside, os.path.join(home, "tf_emcom", whose)]


def writable(folders: Sequence[str]) -> str:
    """The first of the folders that files can be written to, made where it is not there yet.

    Raises:
      UserError: there is none.
    """
    for folder in folders:
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    raise UserError(
        f"The data set is to be packed, but nobody may write to {' or '.join(folders)}: bind ByolFolder.cache_dir to a"
        " folder on a local disk."
    )


def stamp(folder: str, shards: Sequence[str]) -> dict[str, Any]:
    """What changes with the files that are packed: size and time of the last change of each, and features.json."""
    features = zlib.crc32(files.read_bytes(os.path.join(folder, "features.json"), COPY_AGAIN))
    # Remote folders answer one question at a time slowly.
    with files.file_errors(folder, "cannot be read", COPY_AGAIN), concurrent.futures.ThreadPoolExecutor(16) as pool:
        stats = list(pool.map(tf.io.gfile.stat, shards))
    names = map(os.path.basename, shards)
    found = [[name, stat.length, stat.mtime_nsec] for name, stat in zip(names, stats, strict=True)]
    return {"features": features, "files": found}
