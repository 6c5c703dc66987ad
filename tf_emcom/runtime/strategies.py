"""Where steps run: on one device, on several, on a TPU."""

import abc
import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf

from tf_emcom.checks import Checked
from tf_emcom.errors import UserError


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


class OneDevice(Distribution):
    """The first GPU, or the CPU where there is none; the whole step is one compiled program."""

    def __init__(self, jit_compile: bool | None = None) -> None:
        """`jit_compile`: as for every strategy."""
        super().__init__(jit_compile)
        self.may_choose = jit_compile is None and not self.jit_compile
        self.strategy = tf.distribute.OneDeviceStrategy(accelerators()[0])

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself: the whole step is compiled around it."""
        return function

    def compiled_whole(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """One compiled program."""
        return super().compiled(function)


class Mirrored(Distribution):
    """Every GPU of this machine, or every logical CPU device where there is none; weights are mirrored.

    Local work is compiled; collectives run between the compiled pieces, since XLA cannot have MirroredStrategy's
    inside.
    """

    def __init__(self, jit_compile: bool | None = None) -> None:
        """`jit_compile`: as for every strategy."""
        super().__init__(jit_compile)
        self.strategy = _mirrored(tuple(accelerators()))

    def compiled_whole(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself: its pieces are compiled."""
        return function


@functools.cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.MirroredStrategy:
    # One a process: a second strategy on the same devices numbers its collectives from the start again, and
    # TensorFlow takes them for the first one's.
    return tf.distribute.MirroredStrategy(devices)


class Tpu(Distribution):
    """Every core of a TPU, or of a slice of several hosts; the whole step of a core is one compiled program.

    The loop over steps runs on the TPU's host without coming back to Python, and batches stay on the host until a step
    takes them: with data that fit the cores' memory they are a few kilobytes of indices.
    """

    def __init__(self, name: str = "local") -> None:
        """Connects to a TPU and clears it, before TensorFlow does anything else.

        Args:
          name: "local" on the TPU's own machine; else its name, or its address as `grpc://…`.

        Raises:
          UserError: there is no such TPU, or this TensorFlow cannot use one.
        """
        super().__init__(jit_compile=False)
        self.strategy = tf.distribute.TPUStrategy(_connected(name))
        # The trainer, on the host, looks at the number of each step.
        self.input_options = tf.distribute.InputOptions(experimental_fetch_to_device=False)

    @property
    def compiler(self) -> str:
        """The strategy itself has XLA compile what a core does."""
        return "compiled by XLA for TPUs"

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself: the strategy compiles all that a core does."""
        return function

    def compiled_whole(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself, for the same reason."""
        return function


def _connected(name: str) -> tf.distribute.cluster_resolver.TPUClusterResolver:
    # An address at which nobody answers is waited for, for minutes.
    print(f"Connecting to the TPU {name!r} …", flush=True)
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=name)
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, RuntimeError, OSError, tf.errors.OpError) as error:
        reason = (str(error).splitlines() or ["no reason given"])[0][:160]
        raise UserError(
            f"There is no TPU {name!r} that can be used from here ({reason}); run on a TPU VM with --tpu=local, with"
            " tf_emcom installed as pip install -e '.[tpu]'."
        ) from error
    return resolver
