"""What every layer of an agent is."""

import abc
import contextlib
import inspect
from collections.abc import Iterator
from typing import Any

import keras

from tf_emcom.arguments import Checked


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
        """Creates the weights for the shapes that `get_build_config` tells."""
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
