"""Multi-head self-attention."""

import tensorflow as tf

from tf_emcom.annotations import Size
from tf_emcom.errors import UserError
from tf_emcom.nets.linear import Linear
from tf_emcom.nets.part import Part
from tf_emcom.ops.precision import softmax

Memory = tuple[tf.Tensor, tf.Tensor]  # keys and values, each [B, heads, N, units / heads]


class SelfAttention(Part):
    """Multi-head scaled dot-product attention (Vaswani et al. 2017, section 3.2) of positions to each other.

    Queries, keys and values are one linear map without bias; what the heads gather goes through a second one, with
    bias. Positions see each other and what is remembered of earlier calls, so one position at a time, with what it
    remembered handed on, is attention that looks back only.
    """

    def __init__(self, units: Size, heads: Size, name: str | None = None) -> None:
        super().__init__(name=name)
        if units % heads:
            raise UserError(f"units is {units}, which {heads} heads cannot share; bind heads to a divisor of it.")
        self.units = units
        self.heads = heads
        # A key bias would shift all of a query's scores alike, which the softmax takes out again.
        self.queries_keys_values = Linear(3 * units, use_bias=False, name="queries_keys_values")
        self.gathered = Linear(units, name="gathered")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Creates the weights; `input_shape` is [..., E]."""
        self.queries_keys_values.build(input_shape)
        self.gathered.build((None, self.units))
        self.built = True

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """[B, N, E] ↦ [B, N, units]."""
        return self.extend(inputs, None)[0]

    def extend(self, inputs: tf.Tensor, memory: Memory | None) -> tuple[tf.Tensor, Memory]:
        """N more positions.

        Args:
          inputs: [B, N, E], where N is known while tracing.
          memory: the keys and values of M earlier positions; None where there are none.

        Returns:
          The outputs [B, N, units], and the memory of all M + N positions.
        """
        queries, keys, values = (self._heads(x) for x in tf.split(self.queries_keys_values(inputs), 3, axis=-1))
        if memory is not None:
            keys, values = tf.concat([memory[0], keys], axis=2), tf.concat([memory[1], values], axis=2)
        scores = tf.matmul(queries, keys, transpose_b=True) * (self.units // self.heads) ** -0.5
        gathered = tf.transpose(tf.matmul(softmax(scores), values), (0, 2, 1, 3))
        return self.gathered(tf.reshape(gathered, (-1, inputs.shape[1], self.units))), (keys, values)

    def _heads(self, inputs: tf.Tensor) -> tf.Tensor:
        """[B, N, units] ↦ [B, heads, N, units / heads]."""
        shared = tf.reshape(inputs, (-1, inputs.shape[1], self.heads, self.units // self.heads))
        return tf.transpose(shared, (0, 2, 1, 3))
