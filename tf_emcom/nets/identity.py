"""The torso that passes its inputs on."""

import tensorflow as tf

from tf_emcom.nets.part import Part


class Identity(Part):
    """x ↦ x."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """[B, F] ↦ the same."""
        return inputs

    def output_size(self, input_size: int) -> int:
        """`input_size`."""
        return input_size
