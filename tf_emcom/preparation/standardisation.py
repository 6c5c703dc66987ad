"""Features with mean 0 and standard deviation 1."""

import json
import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Self

import numpy as np
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.files import reason, write_whole
from tf_emcom.preparation.shard import Shard, whole_file, writing

_FILE = "standardisation.json"


class Standardisation(NamedTuple):
    """Moves and scales each feature; what never differs becomes 0.

    Attributes:
      mean: float64 [F], of each feature over the training examples.
      deviation: float64 [F], the standard deviation of each, 1 where it is 0.
    """

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, shards: Sequence[Shard]) -> Self:
        """Measures the features in files that are whole, which are those of the training split.

        Sums are taken of the differences from the first example, in double precision, so that nothing is lost where a
        feature varies little around a large mean.
        """
        first, count, total, squares = None, 0, 0.0, 0.0
        for shard in shards:
            for example in _examples(shard):
                features = _features(example)
                first = features if first is None else first
                count, total, squares = count + 1, total + (features - first), squares + (features - first) ** 2
        mean = total / count
        deviation = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
        # What is left of a feature that never differs is rounding.
        return cls(first + mean, np.where(deviation > 1e-6 * np.abs(first + mean), deviation, 1.0))

    def apply(self, shard: Shard, path: str) -> None:
        """Writes the examples of a file that is whole to `path`, with other features.

        Raises:
          UserError: it cannot be written.
        """
        with whole_file(path) as writer:
            for example in _examples(shard):
                scaled = ((_features(example) - self.mean) / self.deviation).astype(np.float32)
                example.features.feature["logit"].float_list.value[:] = scaled.tolist()
                with writing(path):
                    writer.write(example.SerializeToString(deterministic=True))

    def write(self, folder: str) -> None:
        """Keeps it in a folder, for images that come later; UserError where that is not possible."""
        content = {"mean": self.mean.tolist(), "deviation": self.deviation.tolist()}
        write_whole(os.path.join(folder, _FILE), json.dumps(content) + "\n")


def _examples(shard: Shard) -> Iterator[tf.train.Example]:
    """The examples of a file; UserError where it is damaged, and then it is written again by the next process."""
    try:
        for record in tf.data.TFRecordDataset(shard.path).as_numpy_iterator():
            yield tf.train.Example.FromString(record)
    except tf.errors.DataLossError as error:
        shard.forget()
        raise UserError(
            f"{shard.path} was damaged after it was written ({reason(error)}); look after the disk, and start the same"
            " command again, which encodes these images again."
        ) from error


def _features(example: tf.train.Example) -> np.ndarray:
    return np.array(example.features.feature["logit"].float_list.value, np.float64)
