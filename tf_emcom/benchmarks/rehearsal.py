"""A configuration that users run, made ready to be measured."""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tf_emcom.benchmarks.operations import operations_of_products
from tf_emcom.data.feeds import made_feed
from tf_emcom.data.pipeline import Order, Pipeline
from tf_emcom.data.source import Examples
from tf_emcom.runtime import catalogue, config
from tf_emcom.runtime.config import build
from tf_emcom.training.experiment import Experiment
from tf_emcom.training.trainer import Trainer
from tf_emcom.types import Batch

_GIN = Path(__file__).parents[2] / "gin"


def experiment_of(game: str, bindings: Sequence[str]) -> Experiment:
    """What gin/<game>_imagenet.gin says, on random features in place of ImageNet's.

    Args:
      game: `lg_s`, `lg_rl`, `nlg`, or any other of the files.
      bindings: gin's `name=value`, which come last.

    Raises:
      UserError: a binding is of no use to these files.
    """
    catalogue.register_components()
    config.load([str(_GIN / f"{game}_imagenet.gin")], ["data=@RandomFeatures()", *bindings])
    with config.plain_errors():
        return build("Experiment", build("OneDevice"))


class Rehearsal:
    """A training run that goes on from call to call; the first call traces and compiles."""

    def __init__(self, game: str, bindings: Sequence[str]) -> None:
        """As for `experiment_of`."""
        self.experiment = experiment_of(game, bindings)
        learner, self._distribution = self.experiment.learner, self.experiment.distribution
        strategy = self._distribution.strategy
        examples = self.experiment.data.load("train", learner.labels)
        examples = Examples(*learner.prepare(examples.inputs, examples.labels, self.experiment.data.name))
        self._features = examples.inputs.shape[1:]
        feed = made_feed(strategy, examples, tuple(examples.labels))
        order = Order(len(examples.inputs), learner.batch_size, learner.seed, "train")
        self._pipeline = Pipeline(examples, order, feed=feed)
        if self.experiment.may_choose_compiler:
            self._distribution.jit_compile = self.experiment.compiler_choice(self._pipeline).jit_compile
        self._batches = self._pipeline.distributed(strategy, 0, self._distribution.input_options)
        self._trainer = Trainer(learner, self._distribution, feed.receive)

    @property
    def games_per_step(self) -> int:
        """Of all pairs that play in a step."""
        return self.experiment.batch_size * self.experiment.learner.pairs_per_step

    @property
    def compute_dtype(self) -> str:
        """The type of the numbers that its matrix products multiply."""
        return self.experiment.learner.speaker_as(0).compute_dtype

    def advance(self, steps: int) -> None:
        """Trains so many steps in one call of the inner loop, fed by the pipeline, and waits for the last."""
        sums = self._trainer.advance(self._batches, tf.constant(steps))
        float(np.sum(sums["loss"].numpy()))

    def repeat(self, steps: int) -> None:
        """Trains so many steps on one batch, which is there already, in one call without a pipeline."""
        step, batch = self._fixed
        turns = tf.repeat(self.experiment.learner.turns(step), steps, axis=0)
        means = self._trainer_of_fixed.teach(step, batch, turns)
        float(np.sum(means["loss"].numpy()))

    def operations_per_game(self) -> float:
        """Of the matrix products of one pair's game and of learning from it; the graph is traced once more for that."""
        learner = self.experiment.learner
        inputs = tf.TensorSpec([learner.batch_size, *self._features])
        step, batch = self._fixed
        turn = learner.turns(step)[0]
        labels = {name: tf.TensorSpec(label.shape, label.dtype) for name, label in batch.labels.items()}
        scalar = tf.TensorSpec([], tf.int32)
        traced = tf.function(learner.gradients, autograph=False).get_concrete_function(
            Batch(inputs, labels), inputs, tf.TensorSpec([], step.dtype), scalar, tf.TensorSpec(turn.shape, turn.dtype)
        )
        return operations_of_products(traced.graph) / learner.batch_size

    @functools.cached_property
    def _fixed(self) -> tuple[tf.Tensor, Batch]:
        return self._pipeline.at(self._distribution.strategy, 0)

    @functools.cached_property
    def _trainer_of_fixed(self) -> Trainer:
        """Trains the same agents on games that are there already, so that there is nothing to receive."""
        return Trainer(self.experiment.learner, self._distribution)
