"""Fully connected layers with the field's usual initial weights."""

from collections.abc import Callable
from typing import Any

import keras

from tf_emcom.annotations import Size
from tf_emcom.nets.part import Part


def truncated_normal(fan_in: int) -> keras.initializers.Initializer:
    """Normal with σ = 1/√fan_in cut off at 2σ, without correcting σ for the cut, as Haiku draws it.

    How fast a language emerges depends on it.
    """
    return keras.initializers.TruncatedNormal(stddev=fan_in**-0.5)


class Linear(Part, keras.layers.Dense):
    """x ↦ activation(xW + b) with W truncated normal of σ = 1/√fan_in and b = 0."""

    def __init__(
        self,
        units: Size,
        activation: str | Callable[..., Any] | None = None,
        use_bias: bool = True,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        """What else Keras' layer takes has no effect here: training knows no losses of layers, nor constraints."""
        super().__init__(units, activation=activation, use_bias=use_bias, name=name, dtype=dtype)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the weights; `input_shape` is [..., fan_in]."""
        self.kernel_initializer = truncated_normal(input_shape[-1])
        super().build(input_shape)
