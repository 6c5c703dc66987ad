"""What every way of spreading a step over devices is."""

import abc
import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf

from tf_emcom.arguments import Checked


class PeerLost(RuntimeError):
    """Another process of the run is gone, and nothing can go on in this one; the message says so in a sentence."""


class Distribution(Checked, abc.ABC):
    """A `tf.distribute` strategy, and which parts of a step it lets XLA compile.

    A step is written once, for every strategy: local work between collectives, each piece passed through `compiled`
    or, where the strategy can, the whole through `compiled_whole`.

    Attributes:
      strategy: where variables are made and steps run.
      is_chief: whether this process is the one of its run that writes; where there is one process, it is.
      may_choose: whether nobody said if XLA compiles, and either could be faster.
      input_options: how batches come to the devices; None: as the strategy does it by itself.
    """

    strategy: tf.distribute.Strategy
    is_chief: bool = True
    may_choose: bool = False
    input_options: tf.distribute.InputOptions | None = None

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

    @property
    def compiler(self) -> str:
        """Who compiles steps, as a part of a sentence."""
        return "compiled by XLA" if self.jit_compile else "in graph mode"

    def largest(self, number: int) -> int:
        """The largest of the numbers that the processes of the run ask with, all at the same place in their program."""
        return number

    @contextlib.contextmanager
    def watching_peers(self) -> Iterator[None]:
        """Within it, another process of the run that is lost raises `PeerLost`; a run of one process has none."""
        yield

    def agree(self, answer: bool) -> bool:
        """Whether any process of the run says yes; they ask at the same place in their program."""
        return bool(self.largest(int(answer)))

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
