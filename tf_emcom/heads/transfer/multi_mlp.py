"""Classes of several labels at once."""

import tensorflow as tf

from tf_emcom.annotations import Size
from tf_emcom.heads.transfer.prediction_head import PredictionHead
from tf_emcom.nets.linear import truncated_normal


class MultiMlp(PredictionHead):
    """One MLP a label, with one hidden layer and ReLU (NEC, `multi_mlp`); all labels in two batched products."""

    def __init__(self, labels: Size, classes: Size, size: Size = 256, name: str | None = None) -> None:
        """Logits of `classes` classes for each of `labels` labels, from `size` hidden units a label."""
        super().__init__(name=name)
        self.labels = labels
        self.classes = classes
        self.size = size

    def build_for(self, size: int) -> None:
        """Creates the weights, for message representations of H = `size`."""
        # The fan-in is one MLP's, which no initializer can tell from a kernel that holds several.
        self.hidden_kernel = self.add_weight(
            shape=(self.labels, size, self.size), initializer=truncated_normal(size), name="hidden_kernel"
        )
        self.hidden_bias = self.add_weight(shape=(self.labels, self.size), initializer="zeros", name="hidden_bias")
        self.kernel = self.add_weight(
            shape=(self.labels, self.size, self.classes), initializer=truncated_normal(self.size), name="kernel"
        )
        self.bias = self.add_weight(shape=(self.labels, self.classes), initializer="zeros", name="bias")

    def predictions(self, representation: tf.Tensor) -> tf.Tensor:
        """[B, H] ↦ logits [B, labels, classes]."""
        given = (representation, self.hidden_kernel, self.hidden_bias, self.kernel, self.bias)
        representation, hidden_kernel, hidden_bias, kernel, bias = (tf.cast(v, self.compute_dtype) for v in given)
        hidden = tf.nn.relu(tf.einsum("bh,lhs->bls", representation, hidden_kernel) + hidden_bias)
        return tf.einsum("bls,lsc->blc", hidden, kernel) + bias
