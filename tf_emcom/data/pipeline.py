"""From examples in memory to batches on devices."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_emcom.arguments import Checked
from tf_emcom.data.examples import Examples
from tf_emcom.data.feeds.feed import Feed, in_float32
from tf_emcom.data.feeds.host_feed import HostFeed
from tf_emcom.data.order import Order, Orders
from tf_emcom.errors import require_even_shares
from tf_emcom.seeds import step_tensor
from tf_emcom.types import Batch

# How many steps' worth of indices Python hands to tf.data at once: it is then asked too rarely to matter.
_STEPS_A_BLOCK = 256
# Elements that wait for each replica: enough for some steps that are quicker than the last.
_AHEAD = 16


class Pipeline(Checked):
    """Feeds the games of each step to every replica.

    Indices are made in blocks; what else the host has to do happens in tf.data, beside the running step.

    Attributes:
      feed: what travels at a step, and how a replica makes its games of it.
    """

    def __init__(
        self, examples: Examples, order: Order | Orders, labels: Sequence[str] = (), feed: Feed | None = None
    ) -> None:
        """`labels` names the labels that travel with the inputs; `feed` has them too, None: the host gathers."""
        self.order = order
        self.feed = HostFeed(examples, labels) if feed is None else feed

    def distributed(
        self, strategy: tf.distribute.Strategy, first_step: int, options: tf.distribute.InputOptions | None = None
    ) -> Iterator[tuple[tf.Tensor, Any]]:
        """Elements (step, what the feed sends to this replica), from `first_step` on and without end.

        Args:
          strategy: where they are sent.
          first_step: the step of the first one.
          options: how they come to the devices; None: as the strategy does it by itself.

        Raises:
          UserError: the batch cannot be shared out evenly.
        """
        batch_size, replicas = self.order.batch_size, strategy.num_replicas_in_sync
        require_even_shares(batch_size, replicas)
        return iter(
            strategy.distribute_datasets_from_function(
                lambda context: self.dataset(
                    first_step, replicas, context.num_input_pipelines, context.input_pipeline_id
                ),
                options,
            )
        )

    def at(self, strategy: tf.distribute.Strategy, step: int) -> tuple[tf.Tensor, Batch]:
        """The element of one step: (step, each replica's games)."""
        indices = self.order.indices(step)
        share = self.order.batch_size // strategy.num_replicas_in_sync

        def games(context: tf.distribute.experimental.ValueContext) -> Batch:
            first = context.replica_id_in_sync_group * share
            return in_float32(self.feed.look_up(tf.constant(indices[first : first + share])))

        return step_tensor(step), strategy.experimental_distribute_values_from_function(games)

    def dataset(self, first_step: int, replicas: int = 1, pipelines: int = 1, pipeline: int = 0) -> tf.data.Dataset:
        """For each step, one element (step int64 [], sent) for each replica that this pipeline feeds, in order."""
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
        # Told, because workers that might run out of games are sent batches of unknown size.
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
        # One after the other: a gather takes several threads by itself, and memory that one thread frees and another
        # asks for is mapped anew each time, which takes longer than the gather.
        dataset = dataset.map(lambda step, rows: (step, self.feed.send(rows)))
        return dataset.prefetch(_AHEAD * replicas // pipelines)
