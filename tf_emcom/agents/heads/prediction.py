"""Heads of new listeners that predict labels or images from a message."""

import abc
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tf_emcom.agents.nets.layers import Linear, Part, truncated_normal
from tf_emcom.checks import Size
from tf_emcom.errors import UserError


class PredictionHead(Part, abc.ABC):
    """Predicts something about the speaker's input from the message alone; there are no candidates."""

    def build(self, representation_shape: tuple[Any, ...], candidates_shape: tuple[int, int]) -> None:
        """Creates the weights, for message representations [B, H]; the candidates' shape plays no part."""
        self.build_for(representation_shape[-1])

    @abc.abstractmethod
    def build_for(self, size: int) -> None:
        """Creates the weights, for message representations of H = `size`."""

    def scores(self, representation: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
        """UserError: candidates are not looked at."""
        raise UserError(
            f"{type(self).__name__} predicts from the message alone, but this task has candidates to compare"
            " with it; bind Listener.head_cls to a head that compares, such as @Cpc, or task to @Naming()."
        )

    @abc.abstractmethod
    def predictions(self, representation: tf.Tensor) -> tf.Tensor:
        """What is predicted from messages represented as [B, H]: [B, ...]."""


class MultiMlp(PredictionHead):
    """One MLP a label, with one hidden layer and ReLU (NEC, `multi_mlp`); all labels in two batched products."""

    def __init__(
        self, labels: Size, classes: Size, size: Size = 256, more_sizes: Sequence[Size] = (), name: str | None = None
    ) -> None:
        """Logits of `classes` classes for each of `labels` labels, from `size` hidden units a label.

        There are more hidden layers of the widths `more_sizes`, if any, between these and the logits (EaS).
        """
        super().__init__(name=name)
        self.labels = labels
        self.classes = classes
        self.size = size
        self.more_sizes = tuple(more_sizes)

    def build_for(self, size: int) -> None:
        self.hidden_kernel, self.hidden_bias = self._layer(size, self.size, "hidden_")
        widths = self.size, *self.more_sizes
        self.more = [
            self._layer(*sizes, f"hidden_{i}_") for i, sizes in enumerate(zip(widths, self.more_sizes, strict=False), 2)
        ]
        self.kernel, self.bias = self._layer(widths[-1], self.classes, "")

    def _layer(self, given: int, units: int, name: str) -> tuple[keras.Variable, keras.Variable]:
        # The fan-in is one MLP's, which no initializer sees in a kernel that holds several.
        kernel = self.add_weight((self.labels, given, units), truncated_normal(given), name=f"{name}kernel")
        return kernel, self.add_weight((self.labels, units), "zeros", name=f"{name}bias")

    def predictions(self, representation: tf.Tensor) -> tf.Tensor:
        """[B, H] ↦ logits [B, labels, classes]."""
        given = (representation, self.hidden_kernel, self.hidden_bias, self.kernel, self.bias)
        representation, hidden_kernel, hidden_bias, kernel, bias = (tf.cast(v, self.compute_dtype) for v in given)
        hidden = tf.nn.relu(tf.einsum("bh,lhs->bls", representation, hidden_kernel) + hidden_bias)
        for layer in self.more:
            more_kernel, more_bias = (tf.cast(v, self.compute_dtype) for v in layer)
            hidden = tf.nn.relu(tf.einsum("bls,lst->blt", hidden, more_kernel) + more_bias)
        return tf.einsum("bls,lsc->blc", hidden, kernel) + bias


_FIRST_SIDE = 4
_KERNEL_SIDE = 3
_MOST_DOUBLINGS = 8


class ImageDecoder(PredictionHead):
    """A small picture of many channels, doubled and convolved until it is an RGB image (NEC, `reconstruction`).

    Linear to 4×4×128 and ReLU; for each of the channel counts: doubled to the nearest neighbour, 3×3 convolution
    without bias, ReLU; then a 3×3 convolution to three channels and tanh. With four counts the image is
    64×64.
    """

    def __init__(
        self, first_channels: Size = 128, channels: Sequence[Size] = (64, 32, 16, 16), name: str | None = None
    ) -> None:
        super().__init__(name=name)
        if len(channels) > _MOST_DOUBLINGS:
            raise UserError(
                f"ImageDecoder.channels has {len(channels)} counts, and each doubles the image's side; bind it to"
                f" {_MOST_DOUBLINGS} counts or fewer, which is {_FIRST_SIDE * 2**_MOST_DOUBLINGS} pixels a side."
            )
        self.first_channels = first_channels
        self.channels = tuple(channels)
        self.side = _FIRST_SIDE * 2 ** len(self.channels)
        self.embedding = Linear(_FIRST_SIDE * _FIRST_SIDE * first_channels, activation="relu", name="embedding")

    def build_for(self, size: int) -> None:
        self.embedding.build((None, size))
        counts = (self.first_channels, *self.channels, 3)
        self.kernels = [
            self.add_weight(
                shape=(_KERNEL_SIDE, _KERNEL_SIDE, into, out),
                initializer=truncated_normal(_KERNEL_SIDE * _KERNEL_SIDE * into),
                name=f"kernel_{i}",
            )
            for i, (into, out) in enumerate(zip(counts, counts[1:], strict=False))
        ]

    def predictions(self, representation: tf.Tensor) -> tf.Tensor:
        """[B, H] ↦ images [B, side, side, 3] in [−1, 1], side = 4 · 2^(how many channel counts)."""
        picture = tf.reshape(self.embedding(representation), (-1, _FIRST_SIDE, _FIRST_SIDE, self.first_channels))
        for kernel in self.kernels[:-1]:
            picture = tf.nn.relu(_convolve(_doubled(picture), kernel))
        return tf.tanh(_convolve(picture, self.kernels[-1]))


def _doubled(pictures: tf.Tensor) -> tf.Tensor:
    """[B, S, S, C] ↦ [B, 2S, 2S, C]; by repeating, because resizing has no XLA kernel on every device."""
    return tf.repeat(tf.repeat(pictures, 2, axis=1), 2, axis=2)


def _convolve(pictures: tf.Tensor, kernel: keras.Variable) -> tf.Tensor:
    return tf.nn.conv2d(pictures, tf.cast(kernel, pictures.dtype), strides=1, padding="SAME")
