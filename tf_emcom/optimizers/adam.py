"""Adam."""

import math
import types
from collections.abc import Sequence

import keras
import tensorflow as tf

from tf_emcom.errors import require_number
from tf_emcom.optimizers.optimizer import Optimizer
from tf_emcom.schedules.schedule import Schedule, at, bounds_of


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, algorithm 1), with decoupled weight decay (Loshchilov & Hutter 2019) if above zero."""

    def __init__(
        self,
        variables: Sequence[keras.Variable],
        learning_rate: Schedule | float = 1e-4,
        b1: float = 0.9,
        b2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        """UserError where a number is out of its range."""
        super().__init__()
        low, high = bounds_of(learning_rate)
        require_number("Adam.learning_rate", low, 0, math.inf, "a step against the gradient has a length")
        require_number("Adam.learning_rate", high, 0, math.inf, "a step against the gradient has a length")
        require_number("Adam.b1", b1, 0, 1, "it is the share that a moving average keeps")
        require_number("Adam.b2", b2, 0, 1, "it is the share that a moving average keeps")
        require_number("Adam.epsilon", epsilon, 0, math.inf, "it keeps a divisor above 0")
        require_number("Adam.weight_decay", weight_decay, 0, math.inf, "it pulls weights towards 0")
        self.learning_rate = learning_rate
        self.b1, self.b2, self.epsilon, self.weight_decay = b1, b2, epsilon, weight_decay
        # Out of checkpoints' sight: in a list of its own, weights would be saved under the optimiser's name.
        self._trained = types.SimpleNamespace(variables=tuple(variables))
        # Of each weight: they differ from the run's steps, and from each other, once weights are reset.
        self.updates = self.counts(variables, "updates")
        self.first_moments = self.slots(variables, "first_moment")
        self.second_moments = self.slots(variables, "second_moment")

    def apply(self, gradients: Sequence[tf.Tensor], step: tf.Tensor) -> None:
        """Updates the variables with `gradients`, each of its shape, summed over replicas, at `step`, int []."""
        count = tf.cast(self.updates.value, tf.float32) + 1.0
        rate = at(self.learning_rate, step)
        first_biases, second_biases = tf.unstack(1.0 - self.b1**count), tf.unstack(1.0 - self.b2**count)
        moments, biases = (self.first_moments, self.second_moments), (first_biases, second_biases)
        for gradient, variable, first, second, first_bias, second_bias in zip(
            gradients, self._trained.variables, *moments, *biases, strict=True
        ):
            mean = self.b1 * first.value + (1.0 - self.b1) * gradient
            square = self.b2 * second.value + (1.0 - self.b2) * tf.square(gradient)
            update = (mean / first_bias) / (tf.sqrt(square / second_bias) + self.epsilon)
            if self.weight_decay:
                update += self.weight_decay * variable.value
            first.assign(mean)
            second.assign(square)
            variable.assign(variable.value - rate * update)
        self.updates.assign(self.updates.value + 1)
