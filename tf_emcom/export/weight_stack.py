"""The weights of all agents of one kind, as they are exported."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import keras
import numpy as np
import tensorflow as tf

from tf_emcom.agents.rows import bound

Agent = TypeVar("Agent", bound=keras.Model)


class WeightStack(Generic[Agent]):
    """Agents that share one set of layers: a row of weights for each, so that which of them acts is data.

    It is no `tf.Module`: a module that has one exports the stacks, which it names, and not Keras' layers.

    Attributes:
      kind: "speaker" or "listener".
      count: n.
      stacks: position and name of a weight → [n, ...], in the order of the layers' trainable variables.
    """

    def __init__(self, kind: str, count: int, agent_as: Callable[[int], Agent]) -> None:
        """Takes the weights of agents 0 to `count` − 1; `agent_as` lends the layers to each of them."""
        self.kind = kind
        self.count = count
        rows = [_weights(agent_as(index)) for index in range(count)]
        self._agent = agent_as(0)
        self._variables = self._agent.trainable_variables
        self.stacks = {
            f"{place}_{variable.name}": tf.Variable(np.stack(values), trainable=False, name=f"{kind}_{variable.name}")
            for place, (variable, *values) in enumerate(zip(self._variables, *rows, strict=True))
        }

    @contextlib.contextmanager
    def acting(self, index: tf.Tensor) -> Iterator[Agent]:
        """Within it, the layers compute with the weights of agent `index`, int32 []; an error where there is none."""
        there = f"There is no {self.kind} of this number; the export has {self.kind} 0 to {self.count - 1}:"
        known = tf.debugging.Assert((index >= 0) & (index < self.count), [there, index])
        with tf.control_dependencies([known]):
            row = [tf.gather(stack, index) for stack in self.stacks.values()]
        with bound(self._variables, row):
            yield self._agent


def _weights(agent: keras.Model) -> list[np.ndarray]:
    return [tf.convert_to_tensor(variable.value).numpy() for variable in agent.trainable_variables]
