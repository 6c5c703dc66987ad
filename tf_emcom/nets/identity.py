"""The torso that passes its inputs on."""

from typing import Any

import tensorflow as tf

from tf_emcom.nets.part import Part


class Identity(Part):
    """x ↦ x."""

    def __init__(
        self,
        activity_regularizer: None = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
    ) -> None:
        """As Keras' layer; a regulariser would have no effect, since training knows no losses of layers."""
        super().__init__(trainable=trainable, dtype=dtype, autocast=autocast, name=name)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """[B, F] ↦ the same."""
        return inputs

    def output_size(self, input_size: int) -> int:
        """`input_size`."""
        return input_size
