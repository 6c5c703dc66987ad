"""What a configuration that comes with a run may do: name registered components and plain values, nothing else.

A run's folder may come from somebody else, so reading it runs no code, and no path in it leads out of it. What the user
names on the command line, gin files among it, is the user's own and may do anything.
"""

import os
import sys
from collections.abc import Collection, Sequence
from typing import Any

import gin
from gin import config_parser

from tf_emcom.errors import UserError
from tf_emcom.files import is_remote
from tf_emcom.runtime.config_file import Binding, leaves

# Parameters that are paths, of whatever component. Prepared data may lie anywhere (`data_dir`): reading them runs
# nothing.
PATHS = frozenset({"cache_dir", "checkpoint", "files", "folder", "out", "path", "run", "runs", "saved_model"})

# Rooms of components that no run's configuration refers to, since commands make them: they load programs, connect to
# machines or write files as soon as they are built.
APART = frozenset({"export", "formats", "modes", "packed", "reproduction", "strategies"})

_allowed: tuple[str, ...] = ()


def allow_imports(modules: Sequence[str]) -> None:
    """From now on, configurations of runs may import these modules and what is in them, and no others."""
    global _allowed
    _allowed = tuple(modules)


def check_statement(statement: Any, place: str) -> None:
    """UserError where a run's configuration includes a file, or imports a module that it may not import.

    A module that is imported already may be named: that runs nothing.
    """
    if isinstance(statement, config_parser.IncludeStatement):
        raise UserError(
            f"{place}: a run's configuration may not include other files, and this one includes"
            f" {statement.filename!r:.200}; where you trust it, put the lines of that file in its place."
        )
    module = statement.module
    if module not in sys.modules and not any(f"{module}.".startswith(f"{allowed}.") for allowed in _allowed):
        raise UserError(
            f"{place}: a run's configuration may not import {module}, since that runs the code of the module; where you"
            f" trust it, add --allow_imports={module.partition('.')[0]}."
        )


def check_value(binding: Binding) -> None:
    """UserError where a value in a run's configuration is more than registered components and plain values."""
    for leaf in leaves(binding.value):
        if isinstance(leaf, gin.config.ConfigurableReference) and leaf.configurable.module in APART:
            raise UserError(
                f"{binding.place}: a run's configuration may not build {leaf.configurable.name}, which is for commands"
                " alone; remove the line."
            )
        # Keras makes objects of such descriptions, also ones that load programs.
        if leaf == "class_name":
            raise UserError(
                f"{binding.place}: a run's configuration may not describe objects of Keras, and {binding.name} does;"
                " bind it to a name or a number."
            )


def refuse_outside(folder: str, given: Sequence[Binding], spared: Collection[str]) -> None:
    """Raises a UserError where a path that the loaded configuration of a run names leads out of the run's folder.

    Args:
      folder: the run's.
      given: the bindings of the command line, which may name any path.
      spared: components whose paths the command does not use.
    """
    own = {binding.key for binding in given}
    for (scope, selector), values in gin.config._CONFIG.items():
        component = selector.rpartition(".")[2]
        for parameter in values:
            if parameter not in PATHS or component in spared:
                continue
            key, value = resolved((scope, selector, parameter))
            if key in own or value is None or _is_within(value, folder):
                continue
            name = f"{scope}/{component}.{parameter}" if scope else f"{component}.{parameter}"
            raise UserError(
                f"The configuration of the run in {folder} binds {name} to {value!r:.200}, which is no path in that"
                f" folder; where you want it used, add --gin_param='{name}={_quoted(value)}', else remove the line."
            )


def resolved(key: tuple[str, str, str]) -> tuple[tuple[str, str, str], Any]:
    """The value that is bound to scope, selector and parameter, or to the macro there, and where that is bound."""
    value = gin.config._CONFIG[key[:2]][key[2]]
    while isinstance(value, gin.config.ConfigurableReference) and value.selector == "gin.macro":
        key = "/".join(value.scopes), "gin.macro", "value"
        value = gin.config._CONFIG.get(key[:2], {}).get("value")
    return key, value


def _is_within(value: Any, folder: str) -> bool:
    if not isinstance(value, str):
        return False
    if is_remote(value) or is_remote(folder):
        return not value or (f"{value}/".startswith(f"{folder.rstrip('/')}/") and ".." not in value.split("/"))
    # Links count by where they lead to.
    whole, own = os.path.realpath(value), os.path.realpath(folder)
    return not value or whole == own or whole.startswith(os.path.join(own, ""))


def _quoted(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else '"PATH"'
