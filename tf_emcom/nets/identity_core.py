"""The core that adds nothing."""

import tensorflow as tf

from tf_emcom.nets.core import Core, State


class IdentityCore(Core):
    """The output is the input, as in EaS.

    A listener with it hears nothing but the last symbol. A speaker with it never sees its input, since the first state
    is not looked at: each symbol depends on the symbol before and on nothing else. It is what other cores are compared
    with. The state is one unused value a game, because a speaker's first state needs a size.
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name=name)
        self.state_size = 1

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates no weights; `input_shape` is [B, E], and H is E."""
        self.units = input_shape[-1]
        self.built = True

    def split_state(self, flat: tf.Tensor) -> State:
        """[B, 1] ↦ the same, as it was."""
        return (flat,)

    def step(self, inputs: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """[B, E] and the state ↦ both, as they were."""
        return inputs, state
