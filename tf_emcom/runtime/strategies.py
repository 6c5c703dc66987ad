"""Distribution strategies: steps run on one device, on several, on several machines, or on a TPU."""

import abc
import contextlib
import functools
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf

from tf_emcom.checks import Checked
from tf_emcom.errors import PeerLost, UserError
from tf_emcom.files import reason

# Errors of collectives where a process that they need is lost.
PEER_ERRORS = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError)

_CLUSTER = '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}'


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
        # `identity` puts them on a device of this process, which collectives need, wherever they come from.
        gathered = tf.distribute.get_replica_context().all_gather(tf.identity(values), axis=0)
        return tf.ensure_shape(gathered, shape)

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


class MultiWorker(Distribution):
    """One process on each of several machines, as `TF_CONFIG` says; each has all GPUs of its machine, or its CPU.

    All processes run the same command and read the run's folder; only the chief writes there. It must be constructed
    before TensorFlow does anything else.
    """

    def __init__(self, jit_compile: bool | None = None) -> None:
        """UserError where `TF_CONFIG` is no cluster with this process in it."""
        super().__init__(jit_compile)
        check_cluster()
        self.strategy = tf.distribute.MultiWorkerMirroredStrategy()
        resolver = self.strategy.cluster_resolver
        self.is_chief = resolver.task_type == "chief" or (
            resolver.task_id == 0 and "chief" not in resolver.cluster_spec().jobs
        )

    @contextlib.contextmanager
    def watching_peers(self) -> Iterator[None]:
        try:
            yield
        except tf.errors.OpError as error:
            lost = re.search(r"Collective ops is aborted by: *(.*)", error.message)
            if not lost and not isinstance(error, PEER_ERRORS):
                raise
            why = lost[1] if lost else type(error).__name__
            raise PeerLost(f"Another process of the run is lost ({why:.160}).") from error

    def largest(self, number: int) -> int:
        return int(tf.reduce_max(self._gathered(tf.constant([number], tf.int64))).numpy())

    @tf.function(autograph=False)
    def _gathered(self, number: tf.Tensor) -> tf.Tensor:
        def gather() -> tf.Tensor:
            # `identity` puts it on a device of this process, which collectives need.
            return tf.distribute.get_replica_context().all_gather(tf.identity(number), axis=0)

        return self.first_replica(self.strategy.run(gather))


def cluster_size() -> int:
    """The number of processes in `TF_CONFIG`; 0 where it is not set."""
    jobs, _ = _cluster()
    return sum(len(addresses) for job, addresses in jobs.items() if job in ("chief", "worker"))


def check_cluster() -> None:
    """UserError that says what is wrong with `TF_CONFIG`."""
    jobs, task = _cluster()
    if not jobs:
        raise UserError(
            f"--strategy=multi_worker needs $TF_CONFIG, which names all processes and which of them this is, as in"
            f" {_CLUSTER}; set it on each machine, with its own index."
        )
    kind, index = task.get("type"), task.get("index")
    known = jobs.get(kind, ()) if isinstance(kind, str) else ()
    if type(index) is not int or not 0 <= index < len(known):
        raise UserError(
            f"$TF_CONFIG says that this process is {kind!r} {index!r}, but its cluster has"
            f" {', '.join(f'{job} 0 to {len(known) - 1}' for job, known in jobs.items())}; set its task to one of them."
        )
    if kind not in ("chief", "worker"):
        raise UserError(f"$TF_CONFIG says that this process is a {kind}, but only a chief and workers train.")


def _cluster() -> tuple[dict[str, list[str]], dict[str, Any]]:
    """The addresses of each job in `TF_CONFIG`, and the task of this process."""
    text = os.environ.get("TF_CONFIG") or "{}"
    try:
        content = json.loads(text)
        _require_object(content, "it")
        jobs, task = content.get("cluster", {}), content.get("task") or {}
        _require_object(jobs, "its cluster")
        _require_object(task, "its task")
        for job, addresses in jobs.items():
            listed = addresses if isinstance(addresses, list) else [None]
            if not all(isinstance(each, str) and re.fullmatch(r"\S+:\d{1,5}", each) for each in listed):
                raise ValueError(f"{job} is no list of addresses with ports")
        known = [address for addresses in jobs.values() for address in addresses]
        if len(set(known)) < len(known):
            raise ValueError("it has an address twice")
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"$TF_CONFIG is {text[:80]!r}, which cannot be read ({error}); write it as {_CLUSTER}, or unset it."
        ) from error
    return jobs, task


def _require_object(content: object, what: str) -> None:
    if not isinstance(content, dict):
        raise ValueError(f"{what} is no object")


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
            " with tf_emcom installed as pip install '.[tpu]'."
        ) from error
    return resolver
