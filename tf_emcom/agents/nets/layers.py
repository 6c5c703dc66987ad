"""Keras layers that know no game."""

import abc
import contextlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf

from tf_emcom.checks import Checked, Size


class Part(Checked, keras.layers.Layer, abc.ABC):
    """A layer that can be built again from its configuration.

    Keras notes down what a constructor was given, as long as that is numbers, texts and lists of these; a layer that
    takes more overrides `get_config`. Its inner layers compute in the precision that the whole was made in.
    """

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Part":
        """The layer that `get_config` describes; its weights are new."""
        taken = inspect.signature(cls.__init__).parameters
        takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values())
        with computing_as(config.get("dtype")):
            made = cls(**{name: value for name, value in config.items() if takes_all or name in taken})
        made.trainable = config.get("trainable", True)
        return made

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Creates the weights for the shapes that `get_build_config` gives."""
        with computing_as(self.dtype_policy):
            super().build_from_config(config)


@contextlib.contextmanager
def computing_as(dtype: Any) -> Iterator[None]:
    """Layers that are made within it have the dtype policy that a configuration names; None: the one in force."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(before if dtype is None else keras.dtype_policies.get(dtype))
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def truncated_normal(fan_in: int) -> keras.initializers.Initializer:
    """Normal with σ = 1/√fan_in cut off at 2σ, without correcting σ for the cut, as Haiku draws it.

    How fast a language emerges depends on it.
    """
    return keras.initializers.TruncatedNormal(stddev=fan_in**-0.5)


class Linear(Part, keras.layers.Dense):
    """x ↦ activation(xW + b) with W truncated normal of σ = 1/√fan_in and b = 0."""

    # What else Keras' layer takes would have no effect here: training knows no losses of layers, nor constraints.
    def __init__(
        self,
        units: Size,
        activation: str | Callable[..., Any] | None = None,
        use_bias: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(units, activation=activation, use_bias=use_bias, name=name)

    def build(self, input_shape: tuple[Any, ...]) -> None:
        self.kernel_initializer = truncated_normal(input_shape[-1])
        super().build(input_shape)


class Identity(Part):
    """x ↦ x."""

    # The configurations of older runs bind all of these.
    def __init__(
        self,
        activity_regularizer: None = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
    ) -> None:
        super().__init__(trainable=trainable, dtype=dtype, autocast=autocast, name=name)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return inputs

    def output_size(self, input_size: int) -> int:
        return input_size


class Mlp(Part):
    """Linear layers of the given widths with ReLU between them."""

    def __init__(
        self, widths: Sequence[Size] = (256,), activation: str | None = None, name: str | None = None
    ) -> None:
        """`activation` is that of the last layer."""
        super().__init__(name=name)
        self.widths = tuple(widths)
        self.activation = activation
        last = len(self.widths) - 1
        self.layers = [
            Linear(width, activation="relu" if i < last else activation, name=str(i))
            for i, width in enumerate(self.widths)
        ]

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        for layer in self.layers:
            layer.build(input_shape)
            input_shape = (*input_shape[:-1], layer.units)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """[..., fan_in] ↦ [..., widths[-1]]."""
        for layer in self.layers:
            inputs = layer(inputs)
        return inputs

    def output_size(self, input_size: int) -> int:
        """The last axis of what `call` returns, for inputs of `input_size`."""
        return self.widths[-1] if self.widths else input_size


def net(hidden_sizes: Sequence[int], units: int, name: str, activation: str | None = None) -> Linear | Mlp:
    """A linear layer of `units` outputs and their activation; before it, hidden layers of these widths with ReLU."""
    if not hidden_sizes:
        return Linear(units, activation=activation, name=name)
    return Mlp((*hidden_sizes, units), activation=activation, name=name)


class SymbolEmbedding(Part):
    """A vector for each of `symbols` ids, truncated normal with σ = 1.

    It is looked up as a product with one-hot rows: for the few symbols of an emergent language that costs nothing,
    and it leaves neither a gather in the step nor a scatter in its gradient, which are slow on TPUs.
    """

    def __init__(self, symbols: Size, size: Size = 10, name: str | None = None) -> None:
        super().__init__(name=name)
        self.symbols = symbols
        self.size = size

    def build(self, input_shape: tuple[int | None, ...] = ()) -> None:
        """Creates the table [symbols, size]."""
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.symbols, self.size),
            initializer=keras.initializers.TruncatedNormal(stddev=1.0),
        )

    def call(self, ids: tf.Tensor) -> tf.Tensor:
        """Ids, int [...], or soft symbols, float [..., symbols] ↦ [..., size]; a soft symbol is a mean of vectors."""
        table = tf.convert_to_tensor(self.embeddings)
        weights = ids if ids.dtype.is_floating else tf.one_hot(ids, self.symbols, dtype=table.dtype)
        return tf.tensordot(weights, table, axes=1)
