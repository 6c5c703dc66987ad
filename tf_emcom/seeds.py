"""Randomness as a pure function of (seed, step, stage, game).

The draws of a game depend only on its position in the global batch. So one device with B games and two devices with
B/2 games each draw the same numbers, and a resumed run draws the numbers of an uninterrupted one.

Only integers are drawn from TensorFlow: its stateless floats differ between graph mode and XLA, its bits do not.
"""

import contextlib
import random
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf


class Stream(NamedTuple):
    """A source of random numbers: for one stage of one step, and the games of one replica."""

    seed: tf.Tensor
    """int32 [2]."""
    first_game: tf.Tensor
    """int32 [], position in the global batch of this replica's first game."""
    local_games: int
    """The number of games of this replica."""
    global_games: int
    """The number of games of all replicas."""

    def stage(self, name: str) -> "Stream":
        """The stream of a named stage, independent of the streams of other names."""
        return self.numbered(stage_number(name))

    def numbered(self, number: int | tf.Tensor) -> "Stream":
        """The stream of the stage whose name has this number, int32 []."""
        return self._replace(seed=tf.random.experimental.stateless_fold_in(self.seed, number, alg="philox"))

    def uniform(self, *shape: int) -> tf.Tensor:
        """Uniform draws strictly inside (0, 1), float32 [local_games, *shape], the same in eager, graph and XLA."""
        bits = _bits(self.seed, (self.global_games, *shape))
        if self.local_games != self.global_games:
            bits = tf.slice(bits, [self.first_game] + [0] * len(shape), [self.local_games, *shape])
        # 23 bits fill the mantissa of a float32; the half keeps both ends out, so that logarithms stay finite.
        return (tf.cast(tf.bitwise.bitwise_and(bits, 0x7FFFFF), tf.float32) + 0.5) * 2.0**-23

    def normal(self, *shape: int) -> tf.Tensor:
        """Standard normal draws, float32 [local_games, *shape], the same in eager, graph and XLA up to rounding.

        They are the uniform draws through the inverse of the normal distribution function, so none lies beyond 5.3.
        """
        return 2.0**0.5 * tf.math.erfinv(2.0 * self.uniform(*shape) - 1.0)

    def for_all_games(self) -> "Stream":
        """The stream of the games of all replicas: each draws the same [global_games, ...]."""
        return self._replace(first_game=tf.zeros_like(self.first_game), local_games=self.global_games)

    def shared_bits(self, count: int) -> tf.Tensor:
        """Random int32 bits [count] that all games of the step share."""
        return _bits(self.seed, (count,))


def step_tensor(step: int) -> tf.Tensor:
    """A step as int64 []. It is made of a NumPy number: of each Python number, TensorFlow keeps 0.8 kB for ever."""
    return tf.constant(np.array(step, np.int64))


def stage_number(name: str) -> int:
    """The number of a named stage in [0, 2^31), for compiled code that gets the stage as an argument."""
    return zlib.crc32(name.encode()) & 0x7FFFFFFF


def seed_words(seed: int) -> tf.Tensor:
    """A run's seed for TensorFlow, int32 [2]."""
    return tf.constant([seed & 0x7FFFFFFF, (seed >> 31) & 0x7FFFFFFF], tf.int32)


def named_seed(seed: int, *names: object) -> int:
    """A seed in [0, 2^31) for one named purpose, such as ("speaker", 3), of a run with `seed`."""
    return stage_number(" ".join(map(str, (seed, *names))))


def named_generator(seed: int, *names: object) -> np.random.Generator:
    """A generator for one named purpose on the host.

    Use it to choose one of a few: seeds of similar names are similar, so their remainders would not be independent.
    """
    return np.random.Generator(np.random.PCG64(named_seed(seed, *names)))


@contextlib.contextmanager
def drawing_from(seed: int) -> Iterator[None]:
    """Within it, initialisers draw the same weights as after `keras.utils.set_random_seed(seed)`.

    Initialisers take their seeds from Python's generator. TensorFlow's seed is not set: that would make TensorFlow
    prepare all compiled functions again, which takes seconds.
    """
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


def step_stream(
    seed: int | tf.Tensor, step: tf.Tensor, first_game: tf.Tensor, local_games: int, global_games: int
) -> Stream:
    """The stream of one step of a run; `seed` is a number or its `seed_words`, `step` an integer []."""
    base = seed_words(seed) if isinstance(seed, int) else seed
    folded = tf.random.experimental.stateless_fold_in(base, tf.cast(step, tf.int32), alg="philox")
    return Stream(folded, tf.cast(first_game, tf.int32), local_games, global_games)


def _bits(seed: tf.Tensor, shape: tuple[int, ...]) -> tf.Tensor:
    return tf.random.stateless_uniform(shape, seed, None, None, tf.int32, alg="philox")
