"""What every optimiser is."""

import abc
from collections.abc import Sequence

import keras
import tensorflow as tf

from tf_emcom.arguments import Checked


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
        """Zeros, int32 [n]: a count for each of n variables, since some of them may start anew by themselves."""
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

    def _all(self, kind: str) -> list:
        # Optimisers may lie within one another.
        parts = [part for part in (self, *self.submodules) if isinstance(part, Optimizer)]
        return [made for part in parts for made in getattr(part, kind, ())]

    def apply(self, gradients: Sequence[tf.Tensor], step: tf.Tensor) -> None:
        """Updates the variables with `gradients`, each of its shape, summed over replicas, at `step`, int []."""
        raise TypeError(f"{type(self).__name__} does not say how it updates.")


def zeros(shape: Sequence[int], dtype: str, name: str) -> keras.Variable:
    """A variable that each replica updates by itself, all alike."""
    return keras.Variable(tf.zeros(shape, dtype), dtype=dtype, trainable=False, aggregation="none", name=name)
