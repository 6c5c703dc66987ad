"""What a data set is made of, kept beside it, so that nobody goes on with something else."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tf_emcom.preparation.image_folder import Image
from tf_emcom.preparation.shard import write_text

_FILE = "preparation.json"


def read_manifest(folder: str) -> dict[str, Any] | None:
    """What was kept in a folder; None where nothing, or nothing whole, is."""
    path = os.path.join(folder, _FILE)
    if not tf.io.gfile.exists(path):
        return None
    try:
        with tf.io.gfile.GFile(path) as file:
            found = json.loads(file.read())
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def write_manifest(folder: str, content: Mapping[str, Any]) -> None:
    """Keeps it in a folder; UserError where that is not possible."""
    write_text(os.path.join(folder, _FILE), json.dumps(content, indent=2, ensure_ascii=False) + "\n")


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
