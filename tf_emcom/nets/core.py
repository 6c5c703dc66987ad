"""What every core is."""

import abc

import tensorflow as tf

from tf_emcom.nets.part import Part

State = tuple[tf.Tensor, ...]


class Core(Part, abc.ABC):
    """A network that is run over the symbols of a message, one a step.

    Attributes:
      units: size H of the output; known once the core is built.
      state_size: how many values the first state is made from.
      longest: how many symbols a message can have; None: any number.
    """

    units: int
    state_size: int
    longest: int | None = None

    def split_state(self, flat: tf.Tensor) -> State:
        """A first state from its values [B, state_size]; the first axis of its first tensor is B."""
        raise TypeError(f"{type(self).__name__} does not say how its state is laid out.")

    def step(self, inputs: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """One step: inputs [B, E] and a state become an output [B, H] and the next state."""
        raise TypeError(f"{type(self).__name__} does not say what a step is.")

    def start(self, inputs: tf.Tensor) -> State:
        """The state of zeros for as many games as `inputs` [B, ...] holds."""
        return self.split_state(tf.zeros([tf.shape(inputs)[0], self.state_size], inputs.dtype))

    def outputs(self, embedded: tf.Tensor) -> list[tf.Tensor]:
        """The outputs, each [B, H], at every symbol of an embedded message [B, T, E], from the state of zeros on."""
        state, outputs = self.start(embedded), []
        for t in range(embedded.shape[1]):
            output, state = self.step(embedded[:, t], state)
            outputs.append(output)
        return outputs

    def read(self, embedded: tf.Tensor) -> tf.Tensor:
        """What a listener makes of an embedded message: [B, T, E] ↦ [B, H]. Unless overridden, the last output."""
        return self.outputs(embedded)[-1]
