"""One layer of a transformer."""

import keras
import tensorflow as tf

from tf_emcom.annotations import Size
from tf_emcom.nets.mlp import Mlp
from tf_emcom.nets.part import Part
from tf_emcom.nets.self_attention import Memory, SelfAttention


def layer_norm(name: str) -> keras.layers.LayerNormalization:
    """Layer normalisation (Ba et al. 2016) over the last axis, with ε = 1e-6, a gain and a shift."""
    return keras.layers.LayerNormalization(epsilon=1e-6, name=name)


class TransformerBlock(Part):
    """x + attention(norm(x)), then x + MLP(norm(x)): layers normalise first (Xiong et al. 2020).

    The MLP has one hidden layer of 4 × units with ReLU. There is no dropout: a language changes all the time anyway.
    """

    def __init__(self, units: Size, heads: Size, name: str | None = None) -> None:
        super().__init__(name=name)
        self.attention_norm = layer_norm("attention_norm")
        self.attention = SelfAttention(units, heads, name="attention")
        self.mlp_norm = layer_norm("mlp_norm")
        self.mlp = Mlp((4 * units, units), name="mlp")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the weights; `input_shape` is [..., units]."""
        for layer in (self.attention_norm, self.attention, self.mlp_norm, self.mlp):
            layer.build(input_shape)
        self.built = True

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """[B, N, units] ↦ [B, N, units]; all positions see each other."""
        return self.extend(inputs, None)[0]

    def extend(self, inputs: tf.Tensor, memory: Memory | None) -> tuple[tf.Tensor, Memory]:
        """N more positions [B, N, units], which see each other and the remembered ones; as `SelfAttention.extend`."""
        attended, memory = self.attention.extend(self.attention_norm(inputs), memory)
        inputs = inputs + attended
        return inputs + self.mlp(self.mlp_norm(inputs)), memory
