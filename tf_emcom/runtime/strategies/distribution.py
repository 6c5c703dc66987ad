"""What every way of spreading a step over devices is."""

import abc
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf


class Distribution(abc.ABC):
    """A `tf.distribute` strategy, and which parts of a step it lets XLA compile.

    A step is written once, for every strategy: local work between collectives, each piece passed through `compiled`
    or, where the strategy can, the whole through `compiled_whole`.
    """

    strategy: tf.distribute.Strategy

    def __init__(self, jit_compile: bool | None = None) -> None:
        """Decides whether XLA compiles.

        Args:
          jit_compile: None: on accelerators yes, on CPUs no, where graph mode was measured to be faster.
        """
        self.jit_compile = bool(tf.config.list_physical_devices("GPU")) if jit_compile is None else jit_compile

    @property
    def replicas(self) -> int:
        """How many replicas play at the same time."""
        return self.strategy.num_replicas_in_sync

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, which has no collectives in it, as one piece of a step, traced once."""
        return tf.function(function, jit_compile=self.jit_compile, autograph=False)

    @abc.abstractmethod
    def compiled_whole(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, a whole step, compiled where collectives can be; else itself, its pieces being compiled."""

    def replica_id(self) -> tf.Tensor:
        """This replica's position, int32 []; called in a replica."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return tf.cast(replica, tf.int32)

    def gather(self, values: tf.Tensor) -> tf.Tensor:
        """The values [b, ...] of all replicas in order, [B, ...]; called in a replica."""
        if self.replicas == 1:
            return values
        shape = (self.replicas * values.shape[0], *values.shape[1:])
        if 0 in shape:
            # TensorFlow's collectives abort on tensors without elements.
            return tf.zeros(shape, values.dtype)
        return tf.ensure_shape(tf.distribute.get_replica_context().all_gather(values, axis=0), shape)

    def sum(self, values: Any) -> Any:
        """The sum over replicas of every tensor in a structure; called in a replica."""
        if self.replicas == 1:
            return values
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)

    def first_replica(self, values: Any) -> Any:
        """What the first replica on this machine returned, of a structure that `strategy.run` returned."""
        return tf.nest.map_structure(lambda v: self.strategy.experimental_local_results(v)[0], values)


def accelerators() -> Sequence[str]:
    """The names of this machine's GPUs, or of its logical CPU devices where it has none."""
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return [device.name for device in devices]
