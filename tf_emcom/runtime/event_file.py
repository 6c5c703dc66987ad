"""What TensorBoard reads."""

import os
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

_BARS = tf.compat.v1.SummaryMetadata(
    plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="histograms"),
    data_class=tf.compat.v1.SummaryMetadata.DESCRIPTOR.file.enum_types_by_name["DataClass"]
    .values_by_name["DATA_CLASS_TENSOR"]
    .number,
)


class EventFile:
    """An event file in a run's folder for TensorBoard; every process of a run adds one.

    TensorBoard reads the files of a folder one after the other and never goes back, so that one writer is open at a
    time.
    """

    def __init__(self, folder: str, step: int) -> None:
        """Opens a new file in `folder`; of those that are there, drops what came after `step`, which is done again."""
        _forget_after(folder, step)
        self._writer = tf.summary.create_file_writer(folder)

    def write_scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes numbers by name; a slash in a name makes a group."""
        with self._writer.as_default(step=step):
            for name, value in values.items():
                tf.summary.scalar(name, value)
        self._writer.flush()

    def write_markdown(self, step: int, name: str, markdown: str) -> None:
        """Writes a text."""
        with self._writer.as_default(step=step):
            tf.summary.text(name, markdown)
        self._writer.flush()

    def write_counts(self, step: int, name: str, counts: np.ndarray) -> None:
        """Writes a histogram of whole numbers: `counts` [K] says how often each of 0, …, K − 1 was there.

        Each has a bar of its own, from half below it to half above it.
        """
        numbers = np.arange(len(counts))
        bars = np.stack([numbers - 0.5, numbers + 0.5, counts], axis=1)
        with self._writer.as_default(step=step):
            tf.summary.write(name, tf.constant(bars, tf.float64), metadata=_BARS)
        self._writer.flush()

    def write_picture(self, step: int, name: str, picture: np.ndarray) -> None:
        """Writes a picture, uint8 [height, width, 3]."""
        with self._writer.as_default(step=step):
            tf.summary.image(name, picture[np.newaxis])
        self._writer.flush()

    def close(self) -> None:
        """Closes the file."""
        self._writer.close()


def _forget_after(folder: str, step: int) -> None:
    """Drops the events after `step` from all files of a folder; files of a run that starts anew go as a whole."""
    names = tf.io.gfile.listdir(folder) if tf.io.gfile.isdir(folder) else []
    for path in (os.path.join(folder, name) for name in names if "tfevents" in name):
        if not step:
            tf.io.gfile.remove(path)
            continue
        events = _read(path)
        kept = [event for event in events if tf.compat.v1.Event.FromString(event).step <= step]
        if len(kept) < len(events):
            _replace(path, kept)


def _read(path: str) -> list[bytes]:
    """The events of a file, up to one that a kill cut short."""
    events = []
    try:
        for event in tf.data.TFRecordDataset(path).as_numpy_iterator():
            events.append(event)
    except tf.errors.DataLossError:
        pass
    return events


def _replace(path: str, events: list[bytes]) -> None:
    # Without "tfevents" in its name, so that TensorBoard leaves it alone.
    new = os.path.join(os.path.dirname(path), f"{os.getpid()}.new")
    with tf.io.TFRecordWriter(new) as writer:
        for event in events:
            writer.write(event)
    tf.io.gfile.rename(new, path, overwrite=True)
