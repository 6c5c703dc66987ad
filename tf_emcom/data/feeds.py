"""Feeds: how the examples of a step travel to the devices."""

import abc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_emcom.checks import Checked
from tf_emcom.data.source import Examples, on_host
from tf_emcom.types import Batch


class Feed(Checked, abc.ABC):
    """The base class of feeds: what travels from the host to a replica at a step, and how games are made of it."""

    where: str  # where the examples lie while steps run, as a part of a sentence

    def __init__(self, examples: Examples, labels: Sequence[str] = ()) -> None:
        """`examples` is a whole split, N of them; `labels` names the labels that games have."""
        self._examples = Batch(on_host(examples.inputs), {name: on_host(examples.labels[name]) for name in labels})

    @abc.abstractmethod
    def send(self, rows: tf.Tensor) -> Any:
        """What travels for the examples int32 [b, ...]; on the host, beside the running step."""

    @abc.abstractmethod
    def receive(self, sent: Any) -> Batch:
        """The games [b, ...] of what was sent, inputs in float32; in a replica, XLA may compile it."""

    def look_up(self, rows: tf.Tensor) -> Batch:
        """The examples int32 [b, ...] as they are stored; on the host."""
        with tf.device("CPU:0"):
            return _gathered(self._examples, rows)


def _gathered(examples: Batch, rows: tf.Tensor) -> Batch:
    """Rows int32 [b, ...] of inputs [N, F] and of labels, each [N, ...]."""
    labels = {name: tf.gather(values, rows) for name, values in examples.labels.items()}
    return Batch(tf.gather(examples.inputs, rows), labels)


def in_float32(batch: Batch) -> Batch:
    """The same with inputs in float32, which may be stored as halves."""
    return Batch(tf.cast(batch.inputs, tf.float32), batch.labels)


class HostFeed(Feed):
    """Inputs and labels lie in the host's memory or in a mapped file; the games of a step are gathered there.

    They travel as they are stored, so halves are half the traffic, and become float32 on the device.
    """

    where = "gathered by the host"

    def send(self, rows: tf.Tensor) -> Batch:
        return self.look_up(rows)

    def receive(self, sent: Batch) -> Batch:
        return in_float32(sent)


class ResidentFeed(Feed):
    """Every device holds all examples from the start on; what travels at a step are the numbers of its rows.

    It is made within a strategy's scope, which decides where the copies lie. On a CPU that is the memory where the
    examples lie already.
    """

    where = "on the device"

    def __init__(self, examples: Examples, labels: Sequence[str] = ()) -> None:
        super().__init__(examples, labels)
        inputs, known = self._examples
        variables = {name: tf.Variable(values, trainable=False, name=name) for name, values in known.items()}
        self._resident = Batch(tf.Variable(inputs, trainable=False, name="inputs"), variables)

    def send(self, rows: tf.Tensor) -> tf.Tensor:
        return rows

    def receive(self, sent: tf.Tensor) -> Batch:
        # Read first: a gather from the variable itself makes TensorFlow copy all of it, in case somebody writes to it.
        return in_float32(_gathered(tf.nest.map_structure(tf.convert_to_tensor, self._resident), sent))


_SHARE = 0.5  # of a device's memory, for examples; the rest is for weights, activations and other needs
_TPU_BYTES = 16 * 2**30  # of a TPU core, which TensorFlow does not report


def suitable_feed(strategy: tf.distribute.Strategy, examples: Examples, labels: Sequence[str] = ()) -> type[Feed]:
    """`ResidentFeed` where all examples fit half of a device's memory, else `HostFeed`.

    CPUs keep what is in memory anyway; a mapped file is left to the host, which waits for the disk beside the step.
    Workers on several machines gather for themselves, because a mirrored variable is sent to each of them.
    """
    devices = [tf.DeviceSpec.from_string(name) for name in strategy.extended.worker_devices]
    arrays = [examples.inputs, *(examples.labels[name] for name in labels)]
    if len(devices) < strategy.num_replicas_in_sync or any(array.dtype.hasobject for array in arrays):
        return HostFeed
    if devices[0].device_type == "CPU":
        return HostFeed if any(isinstance(array, np.memmap) for array in arrays) else ResidentFeed
    return ResidentFeed if sum(array.nbytes for array in arrays) <= _SHARE * _memory(devices[0]) else HostFeed


def made_feed(
    strategy: tf.distribute.Strategy,
    examples: Examples,
    labels: Sequence[str] = (),
    feed_cls: Callable[..., Feed] | None = None,
) -> Feed:
    """A feed of `feed_cls`, None: of the class that suits, made where the strategy's variables are."""
    feed_cls = feed_cls or suitable_feed(strategy, examples, labels)
    with strategy.scope():
        return feed_cls(examples, labels)


def _memory(device: tf.DeviceSpec) -> int:
    """Bytes of a device; 0 where nothing is known of its kind."""
    if device.device_type == "TPU":
        return _TPU_BYTES
    from tensorflow.python.client import device_lib  # nothing public reports a device's memory

    limits = {
        tf.DeviceSpec.from_string(found.name).device_index: found.memory_limit
        for found in device_lib.list_local_devices()
        if found.device_type == device.device_type
    }
    return limits.get(device.device_index, 0)
