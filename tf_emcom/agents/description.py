"""What an agent is made of, in words that JSON can hold."""

import importlib
import inspect
import sys
from typing import Any

import keras

from tf_emcom.articulations.articulation import Articulation
from tf_emcom.errors import UserError
from tf_emcom.grammars.grammar import Grammar
from tf_emcom.schedules.schedule import Schedule

Description = dict[str, Any]

# A description comes from a file, which has no say in what else is called.
_KINDS = (keras.layers.Layer, Articulation, Grammar, Schedule)


def described(part: Any) -> Any:
    """What `rebuilt` makes the same part from, without its weights.

    Args:
      part: a layer, an articulation, a grammar or a schedule; numbers, texts and None describe themselves.

    Raises:
      UserError: a part does not keep what its constructor was given.
    """
    if isinstance(part, list | tuple):
        return [described(each) for each in part]
    if not isinstance(part, _KINDS):
        return part
    config = part.get_config() if isinstance(part, keras.layers.Layer) else _given(part)
    return {"module": type(part).__module__, "class_name": type(part).__name__, "config": config}


def rebuilt(description: Any) -> Any:
    """The part that `described` told about; a layer has new weights.

    Raises:
      UserError: its class is not found.
    """
    if isinstance(description, list | tuple):
        return [rebuilt(each) for each in description]
    if not isinstance(description, dict):
        return description
    cls = _class(description["module"], description["class_name"])
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


def _class(module: str, name: str) -> type:
    # Other packages are not imported because a file says so.
    if module not in sys.modules and not module.startswith(f"{__name__.partition('.')[0]}."):
        raise UserError(f"The agent has a part {module}.{name}, which is not imported; import {module} first.")
    cls = getattr(importlib.import_module(module), name, None)
    if not (isinstance(cls, type) and issubclass(cls, _KINDS)):
        raise UserError(f"The agent has a part {module}.{name}, which is no part of an agent here.")
    return cls
