"""The standardisation of features, which are read from shards and written to others."""

import json
import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Self

import numpy as np
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.files import reason, write_whole
from tf_emcom.tools.prepare.shard_files import Shard, write_records


class Standardisation(NamedTuple):
    """Shifts and scales each feature; a feature that never differs becomes 0."""

    mean: np.ndarray  # float64 [F], of each feature over the training examples
    deviation: np.ndarray  # float64 [F], the standard deviation of each, 1 where it is 0

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
        write_records(path, map(self._scaled, _examples(shard)))

    def _scaled(self, example: tf.train.Example) -> bytes:
        scaled = ((_features(example) - self.mean) / self.deviation).astype(np.float32)
        example.features.feature["logit"].float_list.value[:] = scaled.tolist()
        return example.SerializeToString(deterministic=True)

    def write(self, folder: str) -> None:
        """Writes it into a folder, for images that come later; UserError where that is not possible."""
        content = {"mean": self.mean.tolist(), "deviation": self.deviation.tolist()}
        write_whole(os.path.join(folder, "standardisation.json"), json.dumps(content) + "\n")


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
