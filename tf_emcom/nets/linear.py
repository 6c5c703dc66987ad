"""Fully connected layers with the field's usual initial weights."""

import keras


def truncated_normal(fan_in: int) -> keras.initializers.Initializer:
    """Normal with σ = 1/√fan_in cut off at 2σ, without correcting σ for the cut, as Haiku draws it.

    How fast a language emerges depends on it.
    """
    return keras.initializers.TruncatedNormal(stddev=fan_in**-0.5)


class Linear(keras.layers.Dense):
    """x ↦ activation(xW + b) with W truncated normal of σ = 1/√fan_in and b = 0."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the weights; `input_shape` is [..., fan_in]."""
        self.kernel_initializer = truncated_normal(input_shape[-1])
        super().build(input_shape)
