"""Which feed suits a data set and the devices."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from tf_emcom.data.examples import Examples
from tf_emcom.data.feeds.feed import Feed
from tf_emcom.data.feeds.host_feed import HostFeed
from tf_emcom.data.feeds.resident_feed import ResidentFeed

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
