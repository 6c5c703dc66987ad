"""What a data set is made of, kept beside it, so that nobody goes on with something else."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.files import read_json, write_whole
from tf_emcom.preparation.image_folder import Image

_FILE = "preparation.json"


def read_manifest(folder: str, fix: str) -> dict[str, Any] | None:
    """What was kept in a folder, None where nothing is; UserError where it is damaged, `fix` says what to do then."""
    path = os.path.join(folder, _FILE)
    return read_json(path, fix) if tf.io.gfile.exists(path) else None


def write_manifest(folder: str, content: Mapping[str, Any]) -> None:
    """Keeps it in a folder; UserError where that is not possible."""
    write_whole(os.path.join(folder, _FILE), json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def require_results(folder: str, content: Mapping[str, Any], fix: str) -> None:
    """Raises a UserError unless there are the results of a preparation that was finished."""
    examples, left_out = content.get("examples"), content.get("left_out")
    counts = [*examples.values(), content.get("features")] if isinstance(examples, dict) else [None]
    if not all(type(count) is int for count in counts) or not _is_list_of_strings(left_out):
        raise UserError(f"{os.path.join(folder, _FILE)} is damaged (it does not say what was made); {fix}.")


def _is_list_of_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def differences(stored: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """What of `given` was another thing in `stored`, each in a few words; what only `stored` has does not matter."""
    return [
        f"{name} was {stored.get(name)!r:.90}, is {value!r:.90}"
        for name, value in given.items()
        if stored.get(name) != value
    ]


def checksum_of_images(splits: Mapping[str, Sequence[Image]]) -> str:
    """Which images are in which split, in which order and of which class, in a word."""
    total = hashlib.sha256()
    for split, images in splits.items():
        for image in images:
            total.update(f"{split}\0{image.path}\0{image.label}\n".encode())
    return f"sha256:{total.hexdigest()}"
