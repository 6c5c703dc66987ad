"""Chooses the strategy of a command."""

import contextlib

import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.runtime.catalogue import choose, plug_ins
from tf_emcom.runtime.config import build
from tf_emcom.runtime.strategies import Distribution, cluster_size


def strategies() -> dict[str, type[Distribution]]:
    """Every strategy by its name."""
    return plug_ins(Distribution, ["runtime.strategies"], separator="_")


def place(
    strategy: str, replicas: int | None, tpu: str | None, trains: bool, threads: int | None = None
) -> Distribution:
    """Builds a strategy, before TensorFlow is used for anything else.

    It is named, or "auto": `tpu` if a TPU is named, `multi_worker` if `$TF_CONFIG` has several processes, `mirrored` if
    there are several GPUs, else `one_device`. A CPU is split into `replicas`, and divides an operation between at most
    `threads`. A command that does not train, a test, runs in one process. UserError where there is no such strategy, or
    it cannot be used here.
    """
    if threads is not None:
        # Where TensorFlow runs already, only speed is at stake.
        with contextlib.suppress(RuntimeError):
            tf.config.threading.set_intra_op_parallelism_threads(threads)
    if replicas is not None:
        _split_cpu(replicas)
    if strategy == "auto":
        if tpu is not None:
            strategy = "tpu"
        elif trains and cluster_size() > 1:
            strategy = "multi_worker"
        else:
            several = replicas or len(tf.config.list_physical_devices("GPU")) > 1
            strategy = "mirrored" if several else "one_device"
    cls = choose(strategy, strategies(), "strategy")
    if tpu is not None and strategy != "tpu":
        raise UserError(f"--tpu is {tpu}, but --strategy is {strategy}; leave one of them out, or use --strategy=tpu.")
    if strategy == "multi_worker" and not trains:
        raise UserError(
            "Tests run in one process, not under --strategy=multi_worker; use --strategy=one_device, on one machine."
        )
    return build(cls.__name__, tpu or "local") if strategy == "tpu" else build(cls.__name__)


def _split_cpu(replicas: int) -> None:
    if replicas < 1:
        raise UserError(f"--replicas is {replicas}, but a step needs at least one.")
    cpu = tf.config.list_physical_devices("CPU")[0]
    try:
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * replicas)
    except RuntimeError as error:
        if len(tf.config.list_logical_devices("CPU")) != replicas:
            raise UserError(
                f"--replicas is {replicas}, but TensorFlow has started with another number already."
            ) from error
