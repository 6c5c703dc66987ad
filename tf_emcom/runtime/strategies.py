"""Distribution strategies: steps run on one device, on several, or on a TPU."""

import abc
import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf

from tf_emcom.checks import Checked
from tf_emcom.errors import UserError
from tf_emcom.files import reason


class PeerLost(RuntimeError):
    """Another process of the run is lost, so that this one cannot continue; the message says so in a sentence."""


# Errors of collectives where a process that they need is lost.
PEER_ERRORS = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError)


class Distribution(Checked, abc.ABC):
    """A `tf.distribute` strategy, and which parts of a step it lets XLA compile.

    A step is written once, for every strategy: local work between collectives, with each piece passed through
    `compiled`, and the whole through `compiled_whole`.
    """

    strategy: tf.distribute.Strategy
    """Creates the variables and runs the steps."""
    is_chief: bool = True
    """Whether this process writes the run's folder; one process of a run does."""
    may_choose: bool = False
    """Whether nothing decides yet if XLA compiles, and either could be faster."""
    input_options: tf.distribute.InputOptions | None = None
    """How batches get to the devices; None: the strategy's default."""

    def __init__(self, jit_compile: bool | None = None) -> None:
        """`jit_compile`: whether XLA compiles; None: on GPUs yes, on CPUs no, where graph mode was measured faster."""
        self.jit_compile = bool(tf.config.list_physical_devices("GPU")) if jit_compile is None else jit_compile

    @property
    def replicas(self) -> int:
        """The number of replicas that play at the same time."""
        return self.strategy.num_replicas_in_sync

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, a piece of a step without collectives, traced once."""
        return tf.function(function, jit_compile=self.jit_compile, autograph=False)

    @property
    def compiler(self) -> str:
        """How steps are compiled, as a part of a sentence."""
        return "compiled by XLA" if self.jit_compile else "in graph mode"

    def largest(self, number: int) -> int:
        """The largest of the numbers that the processes of the run give, all at the same place in the program."""
        return number

    @contextlib.contextmanager
    def watching_peers(self) -> Iterator[None]:
        """Within it, `PeerLost` is raised where another process of the run is lost."""
        yield

    def agree(self, answer: bool) -> bool:
        """Whether any process of the run says yes; all ask at the same place in the program."""
        return bool(self.largest(int(answer)))

    def compiled_whole(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, a whole step, compiled where collectives can be compiled; else itself: its pieces are."""
        return function

    def replica_id(self) -> tf.Tensor:
        """This replica's position, int32 []; called in a replica."""
        return tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.int32)

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
        """The result of the first replica on this machine, from the structure that `strategy.run` returned."""
        return tf.nest.map_structure(lambda v: self.strategy.experimental_local_results(v)[0], values)


def accelerators() -> Sequence[str]:
    """The names of this machine's GPUs, or of its logical CPU devices where it has none."""
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return [device.name for device in devices]


class OneDevice(Distribution):
    """The first GPU, or the CPU where there is none; the whole step is one compiled program."""

    def __init__(self, jit_compile: bool | None = None) -> None:
        super().__init__(jit_compile)
        self.may_choose = jit_compile is None and not self.jit_compile
        self.strategy = tf.distribute.OneDeviceStrategy(accelerators()[0])

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return function  # The whole step is compiled.

    def compiled_whole(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return super().compiled(function)


class Mirrored(Distribution):
    """Every GPU of this machine, or every logical CPU device where there is none; weights are mirrored.

    Local work is compiled; collectives run between the compiled pieces, since XLA cannot compile MirroredStrategy's.
    """

    def __init__(self, jit_compile: bool | None = None) -> None:
        super().__init__(jit_compile)
        self.strategy = _mirrored(tuple(accelerators()))


# One for each process: a second strategy on the same devices would number its collectives as the first one does, and
# TensorFlow would confuse them.
_mirrored = functools.cache(tf.distribute.MirroredStrategy)


class Tpu(Distribution):
    """Every core of a TPU, or of a slice of several hosts; the whole step of a core is one compiled program.

    The loop over steps runs on the TPU's host without Python, and batches stay on the host until a step takes them:
    with data that fit the cores' memory, a batch is a few kilobytes of indices.
    """

    def __init__(self, name: str = "local") -> None:
        """Connects to a TPU and clears it: "local" on its own machine; else its name, or address as `grpc://…`."""
        super().__init__(jit_compile=False)
        self.strategy = tf.distribute.TPUStrategy(_connected(name))
        # The trainer on the host reads the number of each step.
        self.input_options = tf.distribute.InputOptions(experimental_fetch_to_device=False)

    @property
    def compiler(self) -> str:
        return "compiled by XLA for TPUs"

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return function  # The strategy compiles everything that a core does.


def _connected(name: str) -> tf.distribute.cluster_resolver.TPUClusterResolver:
    # An address that does not answer is waited for, for minutes.
    print(f"Connecting to the TPU {name!r} …", flush=True)
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=name)
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, RuntimeError, OSError, tf.errors.OpError) as error:
        raise UserError(
            f"There is no TPU {name!r} that can be used from here ({reason(error)}); run on a TPU VM with --tpu=local,"
            " with tf_emcom installed as pip install -e '.[tpu]'."
        ) from error
    return resolver
