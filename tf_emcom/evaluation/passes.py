"""Which games an evaluation plays, pass after pass over a split."""

import numpy as np
import tensorflow as tf

from tf_emcom.data.pipeline import Order
from tf_emcom.seeds import Stream, step_stream

# Games that are played at the same time where C is smaller, as so many groups: enough to keep a processor busy.
_BLOCK = 256
_BLOCK_IN_ORDER = 1024  # The masks of a naming test depend on it.


class Passes:
    """Shuffled passes over a split in groups of C, each input a distractor of the C − 1 others of its group.

    `played`, int [N], says how many games one pair plays about each input under one condition.
    """

    def __init__(self, examples: int, size: int, passes: int, seed: int, split: str) -> None:
        """`size` is C; UserError where the split has fewer examples."""
        self._order, self._seed, self._size = Order(examples, size, seed, split), seed, size
        about = np.concatenate([self.one(number)[1] for number in range(passes)])
        self.played = np.bincount(about, minlength=examples)

    def one(self, number: int) -> tuple[tf.Tensor, np.ndarray]:
        """The groups of the pass with that number, int32 [blocks, K, C], and the input of each game, int32 [games].

        The last block is filled up with groups from the first, which are not among the games.
        """
        groups, size = self._order.batches_per_epoch, self._size
        together = min(max(1, _BLOCK // size), groups)
        numbers = (np.arange(-(-groups // together) * together) % groups).tolist()
        rows = np.stack([self._order.indices(number * groups + group) for group in numbers])
        return tf.constant(rows.reshape(-1, together, size)), rows.reshape(-1)[: groups * size]

    def views(self, number: int, input_noise: float) -> Stream:
        """Where the noise on inputs of a pass is drawn from."""
        return self._stream(number).stage(f"input noise {input_noise}")

    def masks(self, number: int, place: int, noise: float) -> Stream:
        """Where a pass draws what the channel does under the condition at that place, with that noise."""
        return self._stream(number).stage(f"condition {place}")

    def _stream(self, number: int) -> Stream:
        return start(self._seed).stage(f"{self._size} candidates").stage(f"pass {number}")


class PassesInOrder(Passes):
    """Passes over a split from its first input to its last, for tasks that choose among no inputs."""

    def __init__(self, examples: int, passes: int, seed: int) -> None:
        self._examples, self._seed, self._size = examples, seed, 1
        self.played = np.full(examples, passes)

    def one(self, number: int) -> tuple[tf.Tensor, np.ndarray]:
        return every_row(self._examples, _BLOCK_IN_ORDER), np.arange(self._examples)

    def masks(self, number: int, place: int, noise: float) -> Stream:
        return start(self._seed, number).stage(f"noise {noise!r}")


def start(seed: int, step: int = 0) -> Stream:
    """The stream that the streams of an evaluation with that seed are stages of."""
    return step_stream(seed, tf.constant(step), tf.constant(0), 1, 1)


def every_row(examples: int, block: int = _BLOCK) -> tf.Tensor:
    """All inputs in order, as blocks of one group [blocks, 1, size]; the last is filled up with the first ones."""
    size = min(block, examples)
    rows = np.arange(-(-examples // size) * size, dtype=np.int32) % examples
    return tf.constant(rows.reshape(-1, 1, size))
