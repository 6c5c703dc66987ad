"""Feeds: how the examples of a step travel to the devices."""

import abc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_emcom.checks import Checked
from tf_emcom.data.packed.column import on_host
from tf_emcom.data.source import Examples
from tf_emcom.types import Batch


class Feed(Checked, abc.ABC):
    """Says what travels from the host to a replica for given examples, and makes the replica's games of it.

    Attributes:
      where: where the examples lie while steps run, as a part of a sentence.
    """

    where: str

    def __init__(self, examples: Examples, labels: Sequence[str] = ()) -> None:
        """`examples` is a whole split, N of them; `labels` names the labels that games have."""
        self._inputs = on_host(examples.inputs)
        self._labels = {name: on_host(examples.labels[name]) for name in labels}

    @abc.abstractmethod
    def send(self, rows: tf.Tensor) -> Any:
        """What travels for the examples int32 [b, ...]; on the host, beside the running step."""

    @abc.abstractmethod
    def receive(self, sent: Any) -> Batch:
        """The games [b, ...] of what was sent, inputs in float32; in a replica, XLA may compile it."""

    def look_up(self, rows: tf.Tensor) -> Batch:
        """The examples int32 [b, ...] as they are stored; on the host."""
        with tf.device("CPU:0"):
            return batch_of(self._inputs, self._labels, rows)


def batch_of(inputs: tf.Tensor, labels: dict[str, tf.Tensor], rows: tf.Tensor) -> Batch:
    """Rows int32 [b, ...] of inputs [N, F] and of labels, each [N, ...]."""
    return Batch(tf.gather(inputs, rows), {name: tf.gather(values, rows) for name, values in labels.items()})


def in_float32(batch: Batch) -> Batch:
    """The same with inputs in float32, which may be stored as halves."""
    return Batch(tf.cast(batch.inputs, tf.float32), batch.labels)


class HostFeed(Feed):
    """Inputs and labels lie in the host's memory or in a mapped file; the games of a step are gathered there.

    They travel as they are stored, so halves are half the traffic, and become float32 on the device.
    """

    where = "gathered by the host"

    def send(self, rows: tf.Tensor) -> Batch:
        """The games."""
        return self.look_up(rows)

    def receive(self, sent: Batch) -> Batch:
        """The same in float32."""
        return in_float32(sent)


class ResidentFeed(Feed):
    """Every device holds all examples from the start on; what travels at a step is which of them it plays.

    Made within a strategy's scope, which decides where the copies lie. On a CPU that is the memory where the examples
    lie already.
    """

    where = "on the device"

    def __init__(self, examples: Examples, labels: Sequence[str] = ()) -> None:
        """As for every feed."""
        super().__init__(examples, labels)
        self._resident = tf.Variable(self._inputs, trainable=False, name="inputs")
        self._resident_labels = {
            name: tf.Variable(values, trainable=False, name=name) for name, values in self._labels.items()
        }

    def send(self, rows: tf.Tensor) -> tf.Tensor:
        """The rows."""
        return rows

    def receive(self, sent: tf.Tensor) -> Batch:
        """The games in those rows."""
        # Read first: a gather from the variable itself makes TensorFlow copy all of it, in case somebody writes to it.
        labels = {name: tf.convert_to_tensor(values) for name, values in self._resident_labels.items()}
        return in_float32(batch_of(tf.convert_to_tensor(self._resident), labels, sent))


# Of a device's memory; the rest is for weights, activations and whatever else is there.
_SHARE = 0.5
# A core's, where the device does not tell.
_TPU_BYTES = 16 * 2**30


def suitable_feed(strategy: tf.distribute.Strategy, examples: Examples, labels: Sequence[str] = ()) -> type[Feed]:
    """`ResidentFeed` where all examples fit half of a device's memory, else `HostFeed`.

    CPUs keep what is in memory anyway; a mapped file is left to the host, which waits for the disk beside the step.
    Workers on several machines gather for themselves, because a mirrored variable is sent to each of them.
    """
    devices = [tf.DeviceSpec.from_string(name) for name in strategy.extended.worker_devices]
    if len(devices) < strategy.num_replicas_in_sync:
        return HostFeed
    arrays = [examples.inputs, *(examples.labels[name] for name in labels)]
    if any(array.dtype.hasobject for array in arrays):
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
    from tensorflow.python.client import device_lib  # the only place that tells a device's memory

    limits = {
        tf.DeviceSpec.from_string(found.name).device_index: found.memory_limit
        for found in device_lib.list_local_devices()
        if found.device_type == device.device_type
    }
    return limits.get(device.device_index, 0)
