"""What a trainer trains."""

import abc
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_emcom.optimizers.optimizer import Optimizer
from tf_emcom.rules import Rules
from tf_emcom.types import Batch

Metrics = dict[str, tf.Tensor]


class Trainee(tf.Module, abc.ABC):
    """Agents, and how they learn from a batch.

    `gradients` and `apply` are separate, because collectives between replicas stand between them, and XLA cannot have
    those on every strategy.

    Attributes:
      game: the rules.
      batch_size: B, over all replicas.
      agents: name → agent, all whose weights a checkpoint holds.
      optimizers: name → optimiser.
    """

    game: Rules
    batch_size: int
    agents: dict[str, keras.Model]
    optimizers: dict[str, Optimizer]

    @abc.abstractmethod
    def gradients(
        self, batch: Batch, candidate_inputs: tf.Tensor, step: tf.Tensor, first_game: tf.Tensor
    ) -> tuple[Any, Metrics]:
        """One replica's share of the gradients and metrics: summed over replicas they are means over the global batch.

        Args:
          batch: this replica's games.
          candidate_inputs: [B, F], the inputs of all replicas' games in order.
          step: integer [].
          first_game: int32 [], position in the global batch of this replica's first game.
        """

    @abc.abstractmethod
    def apply(self, gradients: Any, step: tf.Tensor) -> None:
        """Updates the agents with gradients summed over replicas."""

    @property
    def labels(self) -> Sequence[str]:
        """The labels of the data set that it learns from."""
        return ()

    def prepare(self, inputs: np.ndarray, labels: dict[str, np.ndarray], data: str) -> tuple[np.ndarray, dict]:
        """What is fed instead of inputs [N, F] and labels [N, ...]: anything that is the same at every step, done once.

        Raises:
          UserError: the data set called `data` does not fit.
        """
        return inputs, labels

    def documents(self) -> dict[str, str]:
        """File name → text that a run's folder keeps beside its configuration, to stand on its own."""
        return {}

    def shares(self, per_game: Metrics) -> Metrics:
        """One replica's share of the means of numbers that are each [B].

        Detached copies: a metric is not to be differentiated through by accident.
        """
        return {name: tf.reduce_sum(tf.stop_gradient(v)) / self.batch_size for name, v in per_game.items()}

    def is_finite(self) -> bool:
        """Whether every weight that is trained is a finite number; a look from the host, between steps."""
        weights = [v for agent in self.agents.values() for v in agent.trainable_variables]
        return all(bool(tf.reduce_all(tf.math.is_finite(tf.convert_to_tensor(v)))) for v in weights)
