"""From examples in memory to batches on devices."""

from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from tf_emcom.data.examples import Examples
from tf_emcom.data.order import Order, Orders
from tf_emcom.errors import UserError
from tf_emcom.types import Batch

# How many steps' worth of indices Python hands to tf.data at once: it is then asked too rarely to matter.
_STEPS_A_BLOCK = 256


class Pipeline:
    """Feeds the games of each step to every replica.

    Indices are made in blocks; gathering and prefetching happen in tf.data, beside the running step.
    """

    def __init__(self, examples: Examples, order: Order | Orders, labels: Sequence[str] = ()) -> None:
        """`labels` names the labels that travel with the inputs."""
        self.examples = examples
        self.order = order
        self.labels = tuple(labels)

    def distributed(self, strategy: tf.distribute.Strategy, first_step: int) -> Iterator[tuple[tf.Tensor, Batch]]:
        """Elements (step, this replica's games), from `first_step` on and without end.

        Raises:
          UserError: the batch cannot be shared out evenly.
        """
        batch_size, replicas = self.order.batch_size, strategy.num_replicas_in_sync
        if batch_size % replicas:
            raise UserError(
                f"batch_size is {batch_size}, which {replicas} replicas cannot share evenly; bind batch_size to a"
                f" multiple of {replicas}."
            )
        return iter(
            strategy.distribute_datasets_from_function(
                lambda context: self.dataset(
                    first_step, replicas, context.num_input_pipelines, context.input_pipeline_id
                )
            )
        )

    def at(self, strategy: tf.distribute.Strategy, step: int) -> tuple[tf.Tensor, Batch]:
        """The element of one step: (step, each replica's games)."""
        indices = self.order.indices(step)
        share = self.order.batch_size // strategy.num_replicas_in_sync

        def games(context: tf.distribute.experimental.ValueContext) -> Batch:
            first = context.replica_id_in_sync_group * share
            rows = indices[first : first + share]
            labels = {name: tf.constant(self.examples.labels[name][rows]) for name in self.labels}
            return Batch(tf.constant(self.examples.inputs[rows]), labels)

        return tf.constant(step, tf.int64), strategy.experimental_distribute_values_from_function(games)

    def dataset(self, first_step: int, replicas: int = 1, pipelines: int = 1, pipeline: int = 0) -> tf.data.Dataset:
        """For each step, one element (step int64 [], games) for each replica that this pipeline feeds, in order."""
        share = self.order.batch_size // replicas
        runs = self.order.indices(first_step).shape[1:]
        mine = slice(pipeline * replicas // pipelines * share, (pipeline + 1) * replicas // pipelines * share)

        def blocks() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            step = first_step
            while True:
                steps = np.arange(step, step + _STEPS_A_BLOCK)
                rows = np.stack([self.order.indices(int(s))[mine].reshape(-1, share, *runs) for s in steps])
                yield np.repeat(steps, rows.shape[1]), rows.reshape(-1, share, *runs)
                step += _STEPS_A_BLOCK

        signature = (tf.TensorSpec([None], tf.int64), tf.TensorSpec([None, share, *runs], tf.int32))
        dataset = tf.data.Dataset.from_generator(blocks, output_signature=signature).unbatch()
        return dataset.map(self._look_up).prefetch(8 * replicas // pipelines)

    def _look_up(self, step: tf.Tensor, rows: tf.Tensor) -> tuple[tf.Tensor, Batch]:
        labels = {name: _rows_of(self.examples.labels[name], rows) for name in self.labels}
        return step, Batch(_rows_of(self.examples.inputs, rows), labels)


def _rows_of(array: np.ndarray, rows: tf.Tensor) -> tf.Tensor:
    # NumPy gathers where the array lies. As a tensor it would be copied first, and a large data set be in memory twice.
    gathered = tf.numpy_function(lambda chosen: array[chosen], [rows], array.dtype, stateful=False)
    return tf.ensure_shape(gathered, (*rows.shape, *array.shape[1:]))
