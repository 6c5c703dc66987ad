"""Causal transformer."""

import tensorflow as tf

from tf_emcom.annotations import Size
from tf_emcom.nets.core import Core, State
from tf_emcom.nets.transformer import Transformer


class TransformerCore(Core):
    """A transformer decoder (Vaswani et al. 2017) that looks back only.

    The first state is a prefix: a token [B, H] of its own, without position, which every symbol sees. A symbol sees the
    prefix, the symbols before it and itself. A state is what later symbols look back at: for each layer the keys and
    the values of the prefix and of all symbols so far, each [B, heads, 1 + t, H / heads]. It grows by one position a
    step, so that a step costs one row of the full causal pass, and gives its numbers.
    """

    def __init__(
        self, units: Size = 256, heads: Size = 4, layers: Size = 2, longest: Size = 64, name: str | None = None
    ) -> None:
        """UserError unless `heads` divides `units`; `longest` counts the symbols of the longest message."""
        super().__init__(name=name)
        self.transformer = Transformer(units, heads, layers, longest, name="transformer")
        self.units = units
        self.longest = longest
        self.state_size = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the weights; `input_shape` is [B, E]."""
        self.transformer.build(input_shape)
        self.built = True

    def split_state(self, flat: tf.Tensor) -> State:
        """The prefix [B, H] ↦ its keys and values in every layer."""
        return self.transformer.extend(tf.cast(flat[:, tf.newaxis], self.compute_dtype), ())[1]

    def step(self, inputs: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """[B, E] and what t symbols left ↦ [B, H] and what t + 1 symbols leave.

        Raises:
          UserError: there are more than `longest` symbols.
        """
        symbols = state[0].shape[2] - 1  # beside the prefix
        token = self.transformer.tokens(inputs[:, tf.newaxis], symbols)
        outputs, state = self.transformer.extend(token, state)
        return outputs[:, 0], state
