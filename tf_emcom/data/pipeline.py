"""Which examples are played at which step, and how they come to the devices."""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_emcom.checks import Checked
from tf_emcom.data.feeds import Feed, HostFeed, in_float32
from tf_emcom.data.source import Examples
from tf_emcom.errors import UserError, require_even_shares
from tf_emcom.seeds import step_tensor
from tf_emcom.types import Batch


class Order(Checked):
    """Every epoch is a fresh permutation of the examples, cut into batches; what does not fill a batch is left out.

    It is a pure function of (seed, step): a run resumes at any step at no cost, and a batch never holds one example
    twice, which would give a game two right candidates.
    """

    def __init__(self, examples: int, batch_size: int, seed: int, split: str) -> None:
        """UserError where there are fewer examples than a batch holds; `split` is named in it."""
        if batch_size > examples:
            raise UserError(
                f"batch_size is {batch_size}, but the {split} split has {examples} examples and a batch never holds one"
                f" twice; bind batch_size to {examples} or less."
            )
        self.examples, self.batch_size, self.seed = examples, batch_size, seed
        self.batches_per_epoch = examples // batch_size
        # Two epochs, for steps asked for on both sides of a border.
        self._permutation = functools.lru_cache(maxsize=2)(self._draw)

    def indices(self, step: int) -> np.ndarray:
        """The examples of `step`, int32 [batch_size]."""
        epoch, position = divmod(step, self.batches_per_epoch)
        return self._permutation(epoch)[position * self.batch_size : (position + 1) * self.batch_size]

    def _draw(self, epoch: int) -> np.ndarray:
        generator = np.random.Generator(np.random.PCG64([self.seed & 0xFFFFFFFF, self.seed >> 32 & 0xFFFFFFFF, epoch]))
        return generator.permutation(self.examples).astype(np.int32)


class Orders(Checked):
    """The orders of several runs side by side."""

    def __init__(self, orders: Sequence[Order]) -> None:
        """`orders` have one batch size."""
        self.orders = tuple(orders)
        self.batch_size = self.orders[0].batch_size

    def indices(self, step: int) -> np.ndarray:
        """The examples of `step` in each of the R runs, int32 [batch_size, R]."""
        return np.stack([order.indices(step) for order in self.orders], axis=1)


# How many steps' worth of indices Python hands to tf.data at once: it is then asked too rarely to matter.
_STEPS_A_BLOCK = 256
# Elements that wait for each replica: enough for some steps that are quicker than the last.
_AHEAD = 16


class Pipeline(Checked):
    """Feeds the games of each step to every replica.

    Indices are made in blocks; the rest of the host's work happens in tf.data, beside the running step.

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

        `options` say how they come to the devices; None: the strategy's own way. UserError where the batch cannot be
        shared out evenly.
        """
        replicas = strategy.num_replicas_in_sync
        require_even_shares(self.order.batch_size, replicas)

        def share(context: tf.distribute.InputContext) -> tf.data.Dataset:
            return self.dataset(first_step, replicas, context.num_input_pipelines, context.input_pipeline_id)

        return iter(strategy.distribute_datasets_from_function(share, options))

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
        # Workers that might run out of games would be sent batches of unknown size.
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
        # One after the other: a gather takes several threads by itself, and memory that one thread frees and another
        # asks for is mapped again each time, which takes longer than the gather.
        dataset = dataset.map(lambda step, rows: (step, self.feed.send(rows)))
        return dataset.prefetch(_AHEAD * replicas // pipelines)
