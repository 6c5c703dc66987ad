"""Values that stand for themselves, which could never be built."""

import os
import sys
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import gin
from gin import config_parser

from tf_emcom.errors import UserError
from tf_emcom.files import is_remote
from tf_emcom.runtime import config_diff
from tf_emcom.runtime.config_file import Binding, leaves

_Key = tuple[str, str, str]  # scope, full selector and parameter, as gin keeps them


def refuse_circles(bindings: Sequence[Binding]) -> None:
    """Raises a `UserError` where building a value would build it again: `a = %b` and `b = %a`.

    Args:
        bindings: All of them, in the order in which they take effect; their components are known.
    """
    last: dict[_Key, Binding] = {}
    for binding in bindings:
        last.pop(binding.key, None)
        last[binding.key] = binding
    ends: set[tuple[_Key, str]] = set()
    for binding in last.values():
        try:
            _follow(binding, binding.key[0], last, [], ends)
        except RecursionError as error:
            raise UserError(f"{binding.place}: {binding.name} is built of too many; bind it directly.") from error


def _follow(
    binding: Binding, scope: str, last: dict[_Key, Binding], path: list[tuple[_Key, str]], ends: set[tuple[_Key, str]]
) -> None:
    """Visits what a binding's value builds in a scope; `path` leads there, `ends` has no circle behind it."""
    place = binding.key, scope
    if place in path:
        circle = [last[key] for key, _ in path[path.index(place) :]]
        names = " → ".join(each.name for each in (*circle, binding))
        # The command line comes last, and files were read before.
        newest = max(circle, key=list(last.values()).index)
        raise UserError(f"{newest.place}: {names} goes in a circle; bind one of them to something else.")
    if place in ends:
        return
    for inner, within in _built(binding, scope, last):
        _follow(inner, within, last, [*path, place], ends)
    ends.add(place)


def _built(binding: Binding, scope: str, last: dict[_Key, Binding]) -> Iterator[tuple[Binding, str]]:
    """The bindings that take part in building a value in a scope, each with the scope that it is built in."""
    for leaf in leaves(binding.value):
        if not isinstance(leaf, gin.config.ConfigurableReference) or not leaf.evaluate:
            continue
        within = "/".join(leaf.scopes) or scope
        parts = within.split("/") if within else []
        taken: dict[str, Binding] = {}
        for depth in range(len(parts) + 1):
            outer = "/".join(parts[:depth])
            taken |= {key[2]: each for key, each in last.items() if key[:2] == (outer, leaf.configurable.selector)}
        for inner in taken.values():
            yield inner, within


# Parameters that are paths, of whatever component. Prepared data may lie anywhere (`data_dir`): reading them runs
# nothing.
PATHS = frozenset({"cache_dir", "checkpoint", "files", "folder", "out", "path", "run", "runs", "saved_model"})

# Where components lie that no run's configuration refers to, since commands make them: they load programs, connect to
# machines or write files as soon as they are built.
APART = ("data.packed.", "evaluation.tests.", "runtime.", "tools.", "training.mode.", "training.train.")

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
        if isinstance(leaf, gin.config.ConfigurableReference) and is_apart(leaf.configurable.module):
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


def is_apart(module: str) -> bool:
    """Whether components of a module, named as gin does, are for commands alone."""
    return f"{module}.".startswith(APART)


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


def refuse_unused(given: Sequence[Binding], elsewhere: Collection[str], allow: bool = False) -> None:
    """Raises a `UserError` where nothing built so far has used a binding of the command line.

    Args:
        given: The bindings.
        elsewhere: Macros and components that others use: what is bound to them, and to all that they are bound to, is
            no mistake.
        allow: Whether to print a note in place of raising.
    """
    others = _reachable(elsewhere)
    lost = [binding for binding in config_diff.unused(given) if binding.selector.rpartition(".")[2] not in others]
    if allow:
        for binding in lost:
            print(f"Note: {binding.name} = {binding.value!r} was given, but nothing used it.", file=sys.stderr)
    elif lost:
        more = f" ({len(lost) - 1} more are not used either)" if len(lost) > 1 else ""
        raise UserError(
            f"{lost[0].place}: nothing here uses {lost[0].name}{more}; {_hint(lost[0])}to go on without it, add"
            " --allow_unused."
        )


def _hint(binding: Binding) -> str:
    """What the user may have meant, with a semicolon behind it; empty where there is nothing near."""
    used = config_diff.used_keys()
    _, selector, parameter = binding.key
    if not binding.parameter:
        holders = sorted({_written(*key) for key in _keys() if binding.name in _macros(key)})
        return f"it is the value of {', '.join(holders[:3])}, which nothing here uses; " if holders else ""
    scoped = sorted(_written(*key) for key in used if key[0] and key[1:] == (selector, parameter))
    if scoped and selector != "gin.macro":
        return f"did you mean {' or '.join(scoped)}? "
    built = {key[1] for key in used}
    component = selector.rpartition(".")[2]
    if selector not in built:
        return f"no {component} is built here: bind it where it is to be used, as in `… = @{component}`; "
    return ""


def _reachable(names: Collection[str]) -> set[str]:
    """The macros and components of these names, and all that their bindings refer to."""
    found, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for key in _keys():
            if name in (key[1].rpartition(".")[2], key[0] if key[1] == "gin.macro" else ""):
                waiting += _macros(key) + _components(key)
    return found - {"macro"}


def _keys() -> list[tuple[str, str, str]]:
    return [(*key, parameter) for key, values in gin.config._CONFIG.items() for parameter in values]


def _references(key: tuple[str, str, str]) -> list[gin.config.ConfigurableReference]:
    bound = gin.config._CONFIG[key[:2]][key[2]]
    return [leaf for leaf in leaves(bound) if isinstance(leaf, gin.config.ConfigurableReference)]


def _macros(key: tuple[str, str, str]) -> list[str]:
    return ["/".join(leaf.scopes) for leaf in _references(key) if leaf.selector == "gin.macro"]


def _components(key: tuple[str, str, str]) -> list[str]:
    return [leaf.configurable.name for leaf in _references(key) if leaf.configurable.module != "gin"]


def _written(scope: str, selector: str, parameter: str) -> str:
    if selector == "gin.macro":
        return scope
    name = selector.rpartition(".")[2]
    return f"{scope}/{name}.{parameter}" if scope else f"{name}.{parameter}"
