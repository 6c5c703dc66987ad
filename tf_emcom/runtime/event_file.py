"""Event files, which TensorBoard reads."""

import contextlib
import os
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.files import NEW, file_errors, is_irregular, names_in, replacing
from tf_emcom.seeds import step_tensor

_FIX = "fix that, then run the same command again to resume from the last checkpoint"
_BARS = tf.compat.v1.SummaryMetadata(
    plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="histograms"),
    data_class="DATA_CLASS_TENSOR",
)


class EventFile:
    """An event file in a run's folder for TensorBoard; every process of a run adds one.

    TensorBoard reads the files of a folder in order and never goes back, so only one writer is open at a time. Methods
    that write raise `UserError` where the folder cannot be written.
    """

    def __init__(self, folder: str, step: int) -> None:
        """Opens a new file in `folder`; drops events after `step`, which is done again, from the other files."""
        self._folder = folder
        with file_errors(folder):
            _forget_after(folder, step)
            self._writer = tf.summary.create_file_writer(folder)
            self._writer.flush()

    def write_scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes numbers by name; a slash in a name makes a group."""
        with self._writing(step):
            for name, value in values.items():
                tf.summary.scalar(name, np.float32(value))  # TensorFlow keeps each float of Python's for ever.

    def write_markdown(self, step: int, name: str, markdown: str) -> None:
        """Writes a text."""
        with self._writing(step):
            tf.summary.text(name, markdown)

    def write_counts(self, step: int, name: str, counts: np.ndarray) -> None:
        """Writes a histogram of the numbers 0, …, K − 1, which occurred `counts` [K] times, a bar for each."""
        numbers = np.arange(len(counts))
        bars = np.stack([numbers - 0.5, numbers + 0.5, counts], axis=1)
        with self._writing(step):
            tf.summary.write(name, tf.constant(bars, tf.float64), metadata=_BARS)

    def write_picture(self, step: int, name: str, picture: np.ndarray) -> None:
        """Writes a picture, uint8 [height, width, 3]."""
        with self._writing(step):
            tf.summary.image(name, picture[np.newaxis])

    def close(self) -> None:
        """Closes the file."""
        with file_errors(self._folder):
            self._writer.close()

    @contextlib.contextmanager
    def _writing(self, step: int) -> Iterator[None]:
        with file_errors(self._folder, fix=_FIX):
            with self._writer.as_default(step=step_tensor(step)):
                yield
            self._writer.flush()


def _forget_after(folder: str, step: int) -> None:
    """Drops events after `step` from all files; removes leftovers of killed processes, and all files if `step` is 0."""
    for name in names_in(folder):
        path = os.path.join(folder, name)
        if name.endswith(NEW) or ("tfevents" in name and not step):
            tf.io.gfile.remove(path)
        elif "tfevents" in name:
            if is_irregular(path):
                raise UserError(f"{path} is no regular file; remove it, then run the same command again.")
            events = _read(path)
            kept = [event for event in events if tf.compat.v1.Event.FromString(event).step <= step]
            if len(kept) < len(events):
                # The new file has no "tfevents" in its name, so that TensorBoard ignores it.
                with replacing(path) as new, tf.io.TFRecordWriter(new) as writer:
                    for event in kept:
                        writer.write(event)


def _read(path: str) -> list[bytes]:
    """The events of a file, up to one that a kill cut short."""
    events = []
    with contextlib.suppress(tf.errors.DataLossError):
        for event in tf.data.TFRecordDataset(path).as_numpy_iterator():
            events.append(event)
    return events
