"""Descriptions of the parts of agents, for files; and checks of what agents are called with."""

import inspect
import sys
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_emcom.agents.grammar import Grammar
from tf_emcom.agents.sampling import Sampler
from tf_emcom.checks import subclasses
from tf_emcom.errors import UserError
from tf_emcom.schedules import Schedule

Description = dict[str, Any]

# A description comes from a file, which has no say in what else is called.
_KINDS = (keras.layers.Layer, Sampler, Grammar, Schedule)


def described(part: Any) -> Any:
    """What `rebuilt` makes the same layer, sampler, grammar or schedule from, without its weights.

    Numbers, texts and None describe themselves. UserError where a part does not keep what its constructor was given.
    """
    if isinstance(part, list | tuple):
        return [described(each) for each in part]
    if not isinstance(part, _KINDS):
        return part
    config = part.get_config() if isinstance(part, keras.layers.Layer) else _given(part)
    return {"package": _package(type(part)), "class_name": type(part).__name__, "config": config}


def rebuilt(description: Any) -> Any:
    """The part that `described` describes; a layer has new weights. UserError where its class is not found."""
    if isinstance(description, list | tuple):
        return [rebuilt(each) for each in description]
    if not isinstance(description, dict):
        return description
    # Files of older versions name the module.
    cls = _class(description.get("package") or description.get("module", ""), description["class_name"])
    if issubclass(cls, keras.layers.Layer):
        return cls.from_config(description["config"])
    return cls(**{name: rebuilt(value) for name, value in description["config"].items()})


def _given(part: Any) -> Description:
    """The arguments of the constructor, which are kept under their own names."""
    names = [name for name in inspect.signature(type(part)).parameters if name not in ("args", "kwargs")]
    for name in names:
        if not hasattr(part, name):
            raise UserError(
                f"{type(part).__name__} does not keep its argument {name!r}, so that no configuration can be written;"
                f" assign self.{name} in its constructor, or save weights alone with save_weights."
            )
    return {name: described(getattr(part, name)) for name in names}


def _package(cls: type) -> str:
    return cls.__module__.partition(".")[0]


def _class(package: str, name: str) -> type[Any]:
    """The class of that name which a package has, ours or another one that is imported, wherever it lies in there."""
    # An older version wrote the module.
    package = package.partition(".")[0]
    ours = __name__.partition(".")[0]
    # Other packages are not imported because a file says so.
    if package not in sys.modules:
        raise UserError(f"The agent has a part {package}.{name}, which is not imported; import {package} first.")
    if package == ours:
        getattr(sys.modules[ours], name, None)  # Imports its module.
    known = {each for kind in _KINDS for each in subclasses(kind)}
    found = [cls for cls in known if (_package(cls), cls.__name__) == (package, name)]
    if not found:
        raise UserError(
            f"The agent has a part {package}.{name}, which is no part of an agent here; import the module of {package}"
            " that defines it first."
        )
    if len(found) > 1:
        modules = " and ".join(sorted(cls.__module__ for cls in found))
        raise UserError(f"The agent has a part {package}.{name}, which {modules} have; rename one of them.")
    return found[0]


def depth(given: Any) -> int | None:
    """How many axes an array, a tensor or nested lists have; None where nothing is known."""
    shape = getattr(given, "shape", None)
    if shape is not None:
        return len(shape)
    return 1 + (depth(given[0]) or 0) if isinstance(given, list | tuple) and given else 0


def require_keras_file(path: Any) -> None:
    """UserError where an agent is to be saved in Keras' former format, which holds no models of other people's code."""
    if str(path).endswith((".h5", ".hdf5")):
        raise UserError(f"An agent cannot be saved as {path}, a file of Keras' former format; save it as NAME.keras.")


def listed_as_array(given: Any, dtype: type) -> Any:
    """An array of nested lists; anything else as it is. UserError where they are not rows of numbers."""
    if not isinstance(given, list | tuple):
        return given
    try:
        array = np.asarray(given)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        raise UserError("What the agent was given is not made of rows of numbers, all of one length; give an array.")
    return array if array.dtype.kind == "f" and dtype is np.int32 else array.astype(dtype)


def require_features(who: str, inputs: Any, features: int | None) -> None:
    """UserError unless inputs are [N, F], with as many features as the agent was built for; None: any number."""
    shape = tuple(getattr(inputs, "shape", ()))
    if len(shape) != 2 or (features is not None and shape[1] not in (None, features)):
        wanted = "F" if features is None else features
        raise UserError(
            f"The inputs for {who} have the shape {list(shape)}, but it sees rows of features, [N, {wanted}]; give it"
            f" inputs of that shape{'' if features is None else ', or build an agent for yours'}."
        )


def require_symbols(messages: Any, vocab_size: int) -> None:
    """UserError unless messages are int [B, T], with ids in [0, V] where these are known already; V is UNK."""
    if len(getattr(messages, "shape", ())) != 2 or not tf.as_dtype(messages.dtype).is_integer:
        form = f"of shape {list(messages.shape)}" if hasattr(messages, "shape") else f"{messages!r:.80}"
        raise UserError(f"Messages are {form}; give the ids of symbols, int [B, T].")
    if isinstance(messages, keras.KerasTensor):
        return
    ids = tf.get_static_value(tf.convert_to_tensor(messages))
    if ids is not None and ids.size and not 0 <= ids.min() <= ids.max() <= vocab_size:
        raise UserError(
            f"Messages have the symbols {ids.min()} to {ids.max()}, but the listener knows 0 to {vocab_size - 1}, and"
            f" {vocab_size} for an erased one; give it messages of its vocabulary."
        )
