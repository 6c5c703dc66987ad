"""The manifest of a prepared data set, and the standardisation of its features."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.files import read_json, reason, write_whole
from tf_emcom.tools.prepare.image_folder import Image
from tf_emcom.tools.prepare.shard_files import Shard, whole_file, writing

_MANIFEST_FILE = "preparation.json"


def read_manifest(folder: str, fix: str) -> dict[str, Any] | None:
    """The manifest in a folder, None where there is none; UserError where it is damaged, `fix` says what to do then."""
    path = os.path.join(folder, _MANIFEST_FILE)
    return read_json(path, fix) if tf.io.gfile.exists(path) else None


def write_manifest(folder: str, content: Mapping[str, Any]) -> None:
    """Writes a manifest into a folder; UserError where that is not possible."""
    write_whole(os.path.join(folder, _MANIFEST_FILE), json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def require_results(folder: str, content: Mapping[str, Any], fix: str) -> None:
    """UserError unless a manifest has the results of a finished preparation."""
    examples, left_out = content.get("examples"), content.get("left_out")
    counts = [*examples.values(), content.get("features")] if isinstance(examples, dict) else [None]
    is_list = isinstance(left_out, list) and all(isinstance(path, str) for path in left_out)
    if not is_list or not all(type(count) is int for count in counts):
        raise UserError(f"{os.path.join(folder, _MANIFEST_FILE)} is damaged (it does not say what was made); {fix}.")


def differences(stored: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """The entries of `given` that differ in `stored`, each in a few words; entries of `stored` alone do not matter."""
    return [
        f"{name} was {stored.get(name)!r:.90}, is {value!r:.90}"
        for name, value in given.items()
        if stored.get(name) != value
    ]


def checksum_of_images(splits: Mapping[str, Sequence[Image]]) -> str:
    """A checksum of which images are in which split, in which order and of which class."""
    total = hashlib.sha256()
    for split, images in splits.items():
        for image in images:
            total.update(f"{split}\0{image.path}\0{image.label}\n".encode())
    return f"sha256:{total.hexdigest()}"


_STANDARDISATION_FILE = "standardisation.json"


class Standardisation(NamedTuple):
    """Shifts and scales each feature; a feature that never differs becomes 0.

    Attributes:
      mean: float64 [F], of each feature over the training examples.
      deviation: float64 [F], the standard deviation of each, 1 where it is 0.
    """

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, shards: Sequence[Shard]) -> Self:
        """Measures the features in the files of the training split, which are whole.

        Sums are taken of the differences from the first example, in double precision, so that nothing is lost where a
        feature varies little around a large mean.
        """
        first, count, total, squares = None, 0, 0.0, 0.0
        for shard in shards:
            for features in map(_features, _examples(shard)):
                first = features if first is None else first
                count, total, squares = count + 1, total + (features - first), squares + (features - first) ** 2
        mean = total / count
        deviation = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
        # The deviation of a feature that never differs is only rounding.
        return cls(first + mean, np.where(deviation > 1e-6 * np.abs(first + mean), deviation, 1.0))

    def apply(self, shard: Shard, path: str) -> None:
        """Writes the examples of a whole file to `path`, standardised; UserError where it cannot be written."""
        with whole_file(path) as writer:
            for example in _examples(shard):
                scaled = ((_features(example) - self.mean) / self.deviation).astype(np.float32)
                example.features.feature["logit"].float_list.value[:] = scaled.tolist()
                with writing(path):
                    writer.write(example.SerializeToString(deterministic=True))

    def write(self, folder: str) -> None:
        """Writes it into a folder, for images that come later; UserError where that is not possible."""
        content = {"mean": self.mean.tolist(), "deviation": self.deviation.tolist()}
        write_whole(os.path.join(folder, _STANDARDISATION_FILE), json.dumps(content) + "\n")


def _examples(shard: Shard) -> Iterator[tf.train.Example]:
    """The examples of a file; UserError where it is damaged, and then the next process writes it again."""
    try:
        for record in tf.data.TFRecordDataset(shard.path).as_numpy_iterator():
            yield tf.train.Example.FromString(record)
    except tf.errors.DataLossError as error:
        tf.io.gfile.remove(shard.note)
        raise UserError(
            f"{shard.path} was damaged after it was written ({reason(error)}); check the disk, and run the same"
            " command again, which encodes these images again."
        ) from error


def _features(example: tf.train.Example) -> np.ndarray:
    return np.array(example.features.feature["logit"].float_list.value, np.float64)
