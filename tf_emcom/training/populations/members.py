"""The rows of a population's agents, with their running success."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from tf_emcom.agents.rows import Rows
from tf_emcom.errors import UserError
from tf_emcom.training.optimizers import Optimizer, zeros


class RunningSuccess(tf.Module):
    """A moving average of the success of the games that an agent played, in [0, 1]; 0 before the first.

    It is the plain mean at first, and forgets with `decay` a turn once that is faster; a decay of 1 never forgets.
    """

    def __init__(self, decay: float, name: str) -> None:
        super().__init__()
        self.decay = decay
        self.mean = zeros((), "float32", f"{name}_success")
        self.turns = zeros((), "float32", f"{name}_turns")

        self.state = [self.mean, self.turns]

    def update(self, success: tf.Tensor, state: Sequence[keras.Variable] = ()) -> None:
        """Takes in the mean success [] of one more turn; [R] where `state` are the stacks of R agents' states."""
        mean, turns = state or self.state
        count = turns.value + 1.0
        rate = tf.maximum(1.0 / count, 1.0 - self.decay)
        mean.assign(mean.value + rate * (success - mean.value))
        turns.assign(count)


# The weights of one agent, in the order of its trainable variables.
Weights = Sequence[np.ndarray]


class Members:
    """Agents of one kind, each with a row: weights, their moving average, the optimiser's state, running success.

    They share the layers of `model`, whose trainable variables are `weights`; `averages` follow these, in their order,
    and are empty where nothing does.
    """

    def __init__(
        self,
        name: str,
        model: keras.Model,
        averages: Sequence[keras.Variable],
        optimizer: Optimizer,
        draw: Callable[[int], Weights],
        first: Sequence[Weights],
        success_decay: float,
    ) -> None:
        """Everyone starts with the weights in `first`; `draw` makes new ones from a seed."""
        self.name = name
        self.count = len(first)
        self.model = model
        self.weights = tuple(model.trainable_variables)
        self.averages = tuple(averages)
        self.optimizer = optimizer
        self.draw = draw
        self.success = RunningSuccess(success_decay, name)
        learnt = [*optimizer.state, *self.success.state]
        copies = 2 if averages else 1
        self.rows = Rows(
            [*self.weights, *self.averages, *learnt], [[*copies * [*row], *_zeros(learnt)] for row in first]
        )

    def successes(self) -> np.ndarray:
        """The running success of each, [count]."""
        return np.array([self.rows.value(i, self.success.mean) for i in range(self.count)])

    def lend(self, index: int) -> keras.Model:
        """The model, with the weights of agent `index` until another one's are asked for."""
        self.rows.lend(index, self.weights)
        return self.model

    def positions(self, parts: Sequence[str] | None) -> list[int]:
        """The positions of the weights of some parts, such as ["head"], of all for None; UserError: no such part."""
        if parts is None:
            return list(range(len(self.weights)))
        layers = {
            key: layer
            for key, layer in vars(self.model).items()
            if isinstance(layer, keras.layers.Layer) and layer.trainable_variables
        }
        for name in parts:
            if name not in layers:
                raise UserError(
                    f"A {self.name} has no part {name!r}; its parts are {', '.join(sorted(layers))}: name some of"
                    " these, or bind parts to None for the whole agent."
                )
        own = {id(variable) for name in parts for variable in layers[name].trainable_variables}
        return [i for i, variable in enumerate(self.weights) if id(variable) in own]

    def reset_weights(self, index: int, seed: int, parts: Sequence[str] | None) -> None:
        """Gives agent `index` new weights, drawn from `seed`, in some of its parts; the average starts there, too."""
        fresh = self.draw(seed)
        for position in self.positions(parts):
            variables = [kind[position] for kind in (self.weights, self.averages) if kind]
            self.rows.replace(index, variables, len(variables) * [fresh[position]])
        # What it was before says nothing about it any more.
        self.rows.replace(index, self.success.state, _zeros(self.success.state))

    def reset_optimizer(self, index: int, parts: Sequence[str] | None) -> None:
        """Makes the optimiser of agent `index` forget what it knows of some parts; for None, all it knows."""
        if parts is None:
            self.rows.replace(index, self.optimizer.state, _zeros(self.optimizer.state))
            return
        positions = self.positions(parts)
        slots = self.optimizer.slots_of(positions)
        self.rows.replace(index, slots, _zeros(slots))
        for counter in self.optimizer.counters:
            counts = self.rows.value(index, counter).copy()
            counts[positions] = 0
            self.rows.replace(index, [counter], [counts])


def _zeros(variables: Sequence[keras.Variable]) -> list[np.ndarray]:
    return [np.zeros(v.shape, v.dtype) for v in variables]
