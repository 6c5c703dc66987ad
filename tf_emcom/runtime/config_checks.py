"""Checks of a configuration: circles, what the configuration of a run may do, and bindings that nothing uses."""

import graphlib
import os
import sys
from collections.abc import Callable, Collection, Sequence
from typing import Any

from tf_emcom.errors import UserError
from tf_emcom.files import is_remote
from tf_emcom.runtime import config_diff, gin_tables
from tf_emcom.runtime.config_file import Binding
from tf_emcom.runtime.gin_tables import Key, macros_in, references


def refuse_circles(bindings: Sequence[Binding]) -> None:
    """UserError where building a value would build it again, as with `a = %b` and `b = %a`.

    The bindings are all bindings of known components, in the order in which they take effect.
    """
    last: dict[Key, Binding] = {}
    for binding in bindings:
        last.pop(binding.key, None)
        last[binding.key] = binding
    # Each binding in a scope ↦ those that take part in building its value there.
    graph: dict[tuple[Key, str], list[tuple[Key, str]]] = {}
    waiting = [(key, key[0]) for key in last]
    while waiting:
        key, scope = place = waiting.pop()
        if place not in graph:
            graph[place] = _built(last[key], scope, last)
            waiting += graph[place]
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        order = list(last)
        circle = [key for key, _ in reversed(error.args[1][1:])]
        first = circle.index(min(circle, key=order.index))
        names = " → ".join(last[key].name for key in (*circle[first:], *circle[: first + 1]))
        # The command line comes last, and files were read before.
        newest = last[max(circle, key=order.index)]
        raise UserError(f"{newest.place}: {names} goes in a circle; bind one of them to something else.") from None


def _built(binding: Binding, scope: str, last: dict[Key, Binding]) -> list[tuple[Key, str]]:
    """The bindings that take part in building a value in a scope, each with the scope that it is built in."""
    found = []
    for leaf in references(binding.value):
        if leaf.evaluate:
            within = "/".join(leaf.scopes) or scope
            taken: dict[str, Key] = {}
            for outer in gin_tables.outermost(within):
                place = outer, leaf.configurable.selector
                taken |= {key[2]: key for key in last if key[:2] == place}
            found += [(key, within) for key in taken.values()]
    return found


# Parameters that are paths, of any component. Prepared data may be anywhere (`data_dir`): reading them runs nothing.
PATHS = frozenset({"cache_dir", "checkpoint", "files", "folder", "out", "path", "run", "runs", "saved_model"})

# Modules of the package with components that only commands build: they load programs, connect to machines or write
# files as soon as they are built.
_APART = ("data.packed", "evaluation.tests", "runtime", "tools", "training.mode", "training.train")

_allowed: tuple[str, ...] = ()


def allow_imports(modules: Sequence[str]) -> None:
    """From now on, configurations of runs may import these modules, with everything in them, and no others."""
    global _allowed
    _allowed = tuple(modules)


def check_statement(statement: Any, place: str) -> None:
    """UserError where a run's configuration includes a file, or imports a module that it may not import.

    A module that is imported already may be named: that runs nothing.
    """
    if isinstance(statement, gin_tables.IncludeStatement):
        raise UserError(
            f"{place}: a run's configuration may not include other files, and this one includes"
            f" {statement.filename!r:.200}; if you trust it, replace the line by the lines of that file."
        )
    module = statement.module
    if module not in sys.modules and not any(f"{module}.".startswith(f"{allowed}.") for allowed in _allowed):
        raise UserError(
            f"{place}: a run's configuration may not import {module}, since that runs the code of the module; if you"
            f" trust it, add --allow_imports={module.partition('.')[0]}."
        )


def check_value(binding: Binding) -> None:
    """UserError where a value in a run's configuration is more than registered components and plain values."""
    for leaf in references(binding.value):
        if is_apart(leaf.configurable.wrapped):
            raise UserError(
                f"{binding.place}: a run's configuration may not build {leaf.configurable.name}, which is for commands"
                " alone; remove the line."
            )
    # Keras makes objects of such descriptions, also ones that load programs.
    if "class_name" in gin_tables.leaves(binding.value):
        raise UserError(
            f"{binding.place}: a run's configuration may not describe objects of Keras, and {binding.name} does;"
            " bind it to a name or a number."
        )


def is_apart(component: Callable[..., Any]) -> bool:
    """Whether a component of the package is for commands alone."""
    return f"{component.__module__}.".startswith(tuple(f"tf_emcom.{module}." for module in _APART))


def refuse_outside(folder: str, given: Sequence[Binding], spared: Collection[str]) -> None:
    """UserError where the loaded configuration of a run names a path outside of the run's folder.

    The bindings `given` on the command line may name any path; those of components in `spared` are not used.
    """
    own = {binding.key for binding in given}
    for bound in gin_tables.bindings():
        if bound[2] not in PATHS or bound[1].rpartition(".")[2] in spared:
            continue
        key, value = gin_tables.value_of(bound)
        if key not in own and value is not None and not _is_within(value, folder):
            name, quoted = gin_tables.written(*bound), f'"{value}"' if isinstance(value, str) else '"PATH"'
            raise UserError(
                f"The configuration of the run in {folder} binds {name} to {value!r:.200}, which is no path in that"
                f" folder; if you want it used, add --gin_param='{name}={quoted}', else remove the line."
            )


def _is_within(value: Any, folder: str) -> bool:
    if not isinstance(value, str):
        return False
    if is_remote(value) or is_remote(folder):
        return not value or (f"{value}/".startswith(f"{folder.rstrip('/')}/") and ".." not in value.split("/"))
    # Links are followed.
    whole, own = os.path.realpath(value), os.path.realpath(folder)
    return not value or os.path.commonpath([whole, own]) == own


def refuse_unused(given: Sequence[Binding], elsewhere: Collection[str], allow: bool = False) -> None:
    """UserError, or a note if that is allowed, where nothing built so far has used a binding of the command line.

    Bindings of macros and components that are used `elsewhere`, and of everything that they refer to, are right.
    """
    others = _reachable(elsewhere)
    used = config_diff.used_keys()
    lost = [each for each in given if each.key not in used and each.selector.rpartition(".")[2] not in others]
    if allow:
        for binding in lost:
            print(f"Note: {binding.name} = {binding.value!r} was given, but nothing used it.", file=sys.stderr)
    elif lost:
        more = f" ({len(lost) - 1} more are not used either)" if len(lost) > 1 else ""
        raise UserError(
            f"{lost[0].place}: nothing here uses {lost[0].name}{more}; {_hint(lost[0])}to continue without it,"
            " add --allow_unused."
        )


def _hint(binding: Binding) -> str:
    """A guess what the user meant, with a semicolon after it; empty without a guess."""
    used = config_diff.used_keys()
    _, selector, parameter = binding.key
    if not binding.parameter:
        bound = gin_tables.bindings().items()
        holders = sorted({gin_tables.written(*key) for key, value in bound if binding.name in macros_in(value)})
        return f"it is the value of {', '.join(holders[:3])}, which nothing here uses; " if holders else ""
    scopes = [scope for scope, *rest in used if scope and rest == [selector, parameter]]
    scoped = sorted(gin_tables.written(scope, selector, parameter) for scope in scopes)
    if scoped and selector != "gin.macro":
        return f"did you mean {' or '.join(scoped)}? "
    component = selector.rpartition(".")[2]
    if selector not in {key[1] for key in used}:
        return f"no {component} is built here: bind it where it is to be used, as in `… = @{component}`; "
    return ""


def _reachable(names: Collection[str]) -> set[str]:
    """The macros and components of these names, and everything that their bindings refer to."""
    found, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            for (scope, selector, _), value in gin_tables.bindings().items():
                if name in (selector.rpartition(".")[2], scope if selector == "gin.macro" else ""):
                    waiting += macros_in(value)
                    waiting += [leaf.configurable.name for leaf in gin_tables.components_in(value)]
    return found - {"macro"}
