"""Attention over the outputs of an LSTM."""

import tensorflow as tf

from tf_emcom.annotations import Size
from tf_emcom.nets.linear import Linear
from tf_emcom.nets.lstm_core import LstmCore
from tf_emcom.nets.message_reader import MessageReader
from tf_emcom.ops.precision import softmax


class LstmAttentionCore(MessageReader):
    """An LSTM whose last output looks back at all of them, for listeners (Luong et al. 2015, equations 5, 7 and 8).

    With o_1 … o_T the LSTM's outputs: a = softmax over t of o_Tᵀ W_a o_t (the paper's score "general"), c = Σ a_t o_t,
    and what was read is tanh(W_c [c; o_T]). NEC names a core "LSTM + attention" without saying what it computes.
    """

    def __init__(self, units: Size = 256, name: str | None = None) -> None:
        super().__init__(name=name)
        self.lstm = LstmCore(units, name="lstm")
        self.keys = Linear(units, use_bias=False, name="keys")
        self.combined = Linear(units, activation="tanh", use_bias=False, name="combined")
        self.units = units

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the weights; `input_shape` is [B, E]."""
        self.lstm.build(input_shape)
        self.keys.build((None, self.units))
        self.combined.build((None, 2 * self.units))
        self.built = True

    def read(self, embedded: tf.Tensor) -> tf.Tensor:
        """[B, T, E] ↦ [B, H]."""
        outputs = tf.stack(self.lstm.outputs(embedded), axis=1)
        last = outputs[:, -1]
        attention = softmax(tf.linalg.matvec(self.keys(outputs), last))
        context = tf.linalg.matvec(outputs, attention, transpose_a=True)
        return self.combined(tf.concat([context, last], axis=-1))
