"""Multi-layer perceptron."""

from collections.abc import Sequence

import tensorflow as tf

from tf_emcom.annotations import Size
from tf_emcom.nets.linear import Linear
from tf_emcom.nets.part import Part


class Mlp(Part):
    """Linear layers of the given widths with ReLU between them."""

    def __init__(self, widths: Sequence[Size] = (256,), name: str | None = None) -> None:
        super().__init__(name=name)
        self.widths = tuple(widths)
        last = len(self.widths) - 1
        self.layers = [
            Linear(width, activation="relu" if i < last else None, name=str(i)) for i, width in enumerate(self.widths)
        ]

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the weights; `input_shape` is [..., fan_in]."""
        for layer in self.layers:
            layer.build(input_shape)
            input_shape = (*input_shape[:-1], layer.units)
        self.built = True

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """[..., fan_in] ↦ [..., widths[-1]]."""
        for layer in self.layers:
            inputs = layer(inputs)
        return inputs

    def output_size(self, input_size: int) -> int:
        """The last axis of what `call` returns, for inputs of `input_size`."""
        return self.widths[-1] if self.widths else input_size
