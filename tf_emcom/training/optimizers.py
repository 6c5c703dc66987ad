"""Optimizers whose state and arithmetic are the same on every strategy."""

import abc
import math
import types
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tf_emcom.checks import Checked, NotNegative, Share
from tf_emcom.errors import UserError, require_number
from tf_emcom.schedules import Schedule, at, bounds_of


class Optimizer(Checked, tf.Module, abc.ABC):
    """Turns gradients into new weights, inside the compiled step.

    Keras' optimisers sum gradients over replicas by themselves, each on its own terms; here gradients arrive summed,
    so that clipping sees the true gradient, and an optimiser is plain arithmetic on variables that every replica does
    alike.

    It is created, like the variables it updates, within the strategy's scope. What it remembers is in `slots`, beside
    the weights, and in `counts`; all of it is 0 at first.
    """

    def slots(self, variables: Sequence[keras.Variable], name: str) -> list[keras.Variable]:
        """A float variable of zeros beside each of `variables`."""
        made = [zeros(v.shape, "float32", f"{name}_{i}") for i, v in enumerate(variables)]
        self._slots = (*getattr(self, "_slots", ()), tuple(made))
        return made

    def counts(self, variables: Sequence[keras.Variable], name: str) -> keras.Variable:
        """Zeros, int32 [n]: a count for each of n variables, since each may be reset by itself."""
        made = zeros((len(variables),), "int32", name)
        self._counts = (*getattr(self, "_counts", ()), made)
        return made

    @property
    def state(self) -> list[keras.Variable]:
        """Everything it remembers, and what the optimisers within it do."""
        return list(self._flatten(predicate=lambda value: isinstance(value, keras.Variable)))

    def slots_of(self, positions: Sequence[int]) -> list[keras.Variable]:
        """The slots of the variables at these positions, and of no others."""
        return [column[i] for column in self._all("_slots") for i in positions]

    @property
    def counters(self) -> list[keras.Variable]:
        """The counts, each int32 [n]."""
        return self._all("_counts")

    def _all(self, kind: str) -> list[Any]:
        # Optimisers may lie within one another.
        parts = [part for part in (self, *self.submodules) if isinstance(part, Optimizer)]
        return [made for part in parts for made in getattr(part, kind, ())]

    def apply(self, gradients: Sequence[tf.Tensor], step: tf.Tensor) -> None:
        """Updates the variables with `gradients`, each of its shape, summed over replicas, at `step`, int []."""
        raise TypeError(f"{type(self).__name__} does not say how it updates.")


def zeros(shape: Sequence[int], dtype: str, name: str) -> keras.Variable:
    """A variable that each replica updates by itself, all alike."""
    return keras.Variable(tf.zeros(shape, dtype), dtype=dtype, trainable=False, aggregation="none", name=name)


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, algorithm 1), with decoupled weight decay (Loshchilov & Hutter 2019) if above zero."""

    def __init__(
        self,
        variables: Sequence[keras.Variable],
        learning_rate: Schedule | float = 1e-4,
        b1: Share = 0.9,
        b2: Share = 0.999,
        epsilon: NotNegative = 1e-8,
        weight_decay: NotNegative = 0.0,
    ) -> None:
        super().__init__()
        for bound in bounds_of(learning_rate):
            require_number("Adam.learning_rate", bound, 0, math.inf, "a step against the gradient has a length")
        self.learning_rate = learning_rate
        self.b1, self.b2, self.epsilon, self.weight_decay = b1, b2, epsilon, weight_decay
        # Out of checkpoints' sight: in a list of its own, weights would be saved under the optimiser's name.
        self._trained = types.SimpleNamespace(variables=tuple(variables))
        # Of each weight: they differ from the run's steps, and from each other, once weights are reset.
        self.updates = self.counts(variables, "updates")
        self.first_moments = self.slots(variables, "first_moment")
        self.second_moments = self.slots(variables, "second_moment")

    def apply(self, gradients: Sequence[tf.Tensor], step: tf.Tensor) -> None:
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


class ClipByGlobalNorm(Optimizer):
    """Scales gradients to a joint length of at most `limit` (Pascanu et al. 2013), for another optimiser."""

    def __init__(
        self,
        variables: Sequence[keras.Variable],
        limit: float,
        then_cls: Callable[[Sequence[keras.Variable]], Optimizer],
    ) -> None:
        """UserError unless limit > 0."""
        super().__init__()
        if limit <= 0:
            raise UserError(f"ClipByGlobalNorm.limit is {limit}, which would stop all learning; bind it above 0.")
        self.limit = limit
        self.then = then_cls(variables)

    def apply(self, gradients: Sequence[tf.Tensor], step: tf.Tensor) -> None:
        clipped, _ = tf.clip_by_global_norm(list(gradients), self.limit)
        self.then.apply(clipped, step)
