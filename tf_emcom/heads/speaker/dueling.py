"""Dueling network."""

import tensorflow as tf

from tf_emcom.annotations import Size
from tf_emcom.heads.speaker.speaker_head import Values
from tf_emcom.nets.linear import Linear
from tf_emcom.nets.part import Part


class Dueling(Part):
    """Q = v + a − mean(a) (Wang et al. 2016, eq. 9)."""

    def __init__(self, actions: Size, name: str | None = None) -> None:
        super().__init__(name=name)
        self.value = Linear(1, name="value")
        self.advantage = Linear(actions, name="advantage")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the weights; `input_shape` is [..., H]."""
        self.value.build(input_shape)
        self.advantage.build(input_shape)
        self.built = True

    def call(self, outputs: tf.Tensor) -> Values:
        """[B, T, H] ↦ value [B, T] and Q-values [B, T, V]."""
        value, advantage = self.value(outputs), self.advantage(outputs)
        q_values = value + advantage - tf.reduce_mean(advantage, axis=-1, keepdims=True)
        return Values(value[..., 0], q_values)
