"""What every recurrent core is."""

import keras
import tensorflow as tf

State = tuple[tf.Tensor, ...]


class Core(keras.layers.Layer):
    """A network that is run over the symbols of a message, one a step.

    Attributes:
      units: size H of the output.
      state_size: how many values a state holds in all.
    """

    units: int
    state_size: int

    def split_state(self, flat: tf.Tensor) -> State:
        """A state from its values [B, state_size]."""
        raise TypeError(f"{type(self).__name__} does not say how its state is laid out.")

    def step(self, inputs: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """One step: inputs [B, E] and a state become an output [B, H] and the next state."""
        raise TypeError(f"{type(self).__name__} does not say what a step is.")

    def start(self, inputs: tf.Tensor) -> State:
        """The state of zeros for as many games as `inputs` [B, ...] holds."""
        return self.split_state(tf.zeros([tf.shape(inputs)[0], self.state_size], inputs.dtype))
