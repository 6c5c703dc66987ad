"""The devices of several machines."""

import contextlib
import json
import os
import re
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.runtime.strategies import PEER_ERRORS, Distribution, PeerLost

_EXAMPLE = '{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}'


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
            reason = re.search(r"Collective ops is aborted by: *(.*)", error.message)
            if not reason and not isinstance(error, PEER_ERRORS):
                raise
            why = reason[1] if reason else type(error).__name__
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
            f" {_EXAMPLE}; set it on each machine, with its own index."
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
            f"$TF_CONFIG is {text[:80]!r}, which cannot be read ({error}); write it as {_EXAMPLE}, or unset it."
        ) from error
    return jobs, task


def _require_object(content: object, what: str) -> None:
    if not isinstance(content, dict):
        raise ValueError(f"{what} is no object")
