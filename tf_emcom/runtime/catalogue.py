"""Finds the components that gin files and commands name, and registers them with gin.

Every public class of the package, of a module that a gin file imports and of an installed plug-in is a component;
classes need no decorator.
"""

import enum
import functools
import importlib
import importlib.metadata
import inspect
import os
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any

import gin

from tf_emcom.checks import Checked, is_base, subclasses
from tf_emcom.errors import UserError, suggest
from tf_emcom.files import reason
from tf_emcom.runtime import gin_tables

# Modules and packages with classes that gin files can name.
HOMES = (
    *("schedules", "agents", "games", "data", "runtime.strategies", "training", "evaluation.evaluator"),
    *("evaluation.tests", "evaluation.metrics", "tools.export", "tools.reproduce"),
)
# Entry points of installed packages; each is a module with classes.
_ENTRY_POINTS = "tf_emcom.plugins"


def register_components(package: str = "tf_emcom", homes: Sequence[str] = HOMES) -> None:
    """Registers every component of a package, in these modules and sub-packages of it, and of installed plug-ins.

    UserError if an installed plug-in cannot be imported, or two components have the same name.
    """
    for home in homes:
        for module in _modules(f"{package}.{home}"):
            for cls in _public_classes(module):
                _register(cls, module.__name__.removeprefix(f"{package}."), is_ours=True)
    for module in _installed():
        register_module(module)


def import_module(name: str, asked_by: str, *folders: str) -> None:
    """Imports a module from outside the package, which a line or a flag names, and registers its components.

    It is searched in `folders`, too, where it is on no other path. UserError if it cannot be imported, or has a class
    of a name that is taken.
    """
    # At the end, so that they hide nothing; for good, since the module may import its own parts later.
    sys.path.extend(folder for folder in map(os.path.abspath, folders) if folder not in sys.path)
    register_module(_imported(name, asked_by))


def register_module(module: ModuleType) -> None:
    """Registers the classes that a module from outside the package defines, or imports from its own submodules.

    Classes that are registered already stay as they are. UserError if a class of one of our families has the name of
    another component.
    """
    for cls in _public_classes(module, with_submodules=True):
        _register(cls, cls.__module__)


def _register(cls: type, module: str, is_ours: bool = False) -> None:
    found = [entry.wrapped for entry in gin_tables.matching(cls.__name__)]
    for other in found:
        # A class with the decorator gin.configurable is found here itself, from the same module.
        if other is not cls and (is_ours or issubclass(cls, Checked) and other.__module__ != cls.__module__):
            raise UserError(
                f"{cls.__module__}.{cls.__name__} has the name of another component, {other.__module__}."
                f"{other.__name__}; give it another name."
            )
    if not found:
        gin.external_configurable(cls, name=cls.__name__, module=module)


def names_below(*bases: type) -> list[str]:
    """Returns the names of the components that are subclasses of one of the base classes."""
    found = {entry.name: entry.wrapped for entry in gin_tables.components()}
    return [name for name, cls in found.items() if inspect.isclass(cls) and issubclass(cls, bases)]


def parameters(component: Callable[..., Any]) -> tuple[dict[str, inspect.Parameter], bool]:
    """Returns the parameters that gin can bind, by name, and whether the component takes other names as well.

    Where a constructor has `**kwargs`, as Keras layers do, those of its base classes are included, so that a misspelt
    name is noticed.
    """
    calls = [component]
    if inspect.isclass(component):
        calls = [vars(base)["__init__"] for base in component.__mro__[:-1] if "__init__" in vars(base)]
    signatures = [inspect.signature(call).parameters.values() for call in calls]
    takes_others = [any(each.kind is each.VAR_KEYWORD for each in signature) for signature in signatures]
    asked = signatures if any(takes_others[:1]) else signatures[:1]
    found: dict[str, inspect.Parameter] = {}
    for parameter in (each for signature in asked for each in signature):
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY) and parameter.name != "self":
            found.setdefault(parameter.name, parameter)
    return found, bool(takes_others) and all(takes_others)


def _modules(name: str) -> Iterator[ModuleType]:
    """Imports a module, and all modules in it if it is a package, in a fixed order."""
    home = importlib.import_module(name)
    yield home
    for found in pkgutil.iter_modules(getattr(home, "__path__", ())):
        if found.name != "__main__":
            yield from _modules(f"{name}.{found.name}")


def _imported(name: str, asked_by: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise UserError(
            f"{asked_by} does not work ({type(error).__name__}: {reason(error)}); correct it, or set PYTHONPATH to the"
            " folder that its package is in."
        ) from error


@functools.cache
def _installed() -> list[ModuleType]:
    found = importlib.metadata.entry_points(group=_ENTRY_POINTS)
    what = "of an installed package, which you can uninstall,"
    return [_imported(entry.module, f"The plug-in {entry.name} {what}") for entry in found]


def _public_classes(module: ModuleType, with_submodules: bool = False) -> list[type]:
    """The classes of a module that can be built: no bases, records, protocols, errors or enumerations."""
    own = f"{module.__name__}."
    return [
        cls
        for cls in vars(module).copy().values()
        if inspect.isclass(cls)
        and not cls.__name__.startswith("_")
        and (cls.__module__ == module.__name__ or with_submodules and cls.__module__.startswith(own))
        and not (is_base(cls) or issubclass(cls, tuple) and hasattr(cls, "_fields"))
        and not getattr(cls, "_is_protocol", False)
        and not issubclass(cls, BaseException | enum.Enum)
    ]


def plug_ins(base: type, homes: Sequence[str] = (), separator: str = "") -> dict[str, type[Any]]:
    """The concrete subclasses of a base class by their names in lower case: ours, a user's, and installed ones.

    Modules and packages of tf_emcom at `homes` are imported first; `separator` stands between the words of a name.
    UserError if two of them have the same name, or an installed plug-in cannot be imported.
    """
    for home in homes:
        for _ in _modules(f"tf_emcom.{home}"):
            pass
    _installed()
    found: dict[str, type] = {}
    concrete = {cls for cls in subclasses(base) if not cls.__name__.startswith("_") and not is_base(cls)}
    for cls in sorted(concrete, key=lambda cls: (cls.__name__, cls.__module__)):
        name = re.sub(r"(?<!^)(?=[A-Z])", separator, cls.__name__).lower()
        if (other := found.setdefault(name, cls)) is not cls:
            places = " and ".join(f"{each.__module__}.{each.__name__}" for each in (other, cls))
            raise UserError(f"{places} have the same name, {name!r}; give one of them another name.")
    return found


def choose(name: object, known: dict[str, type], what: str) -> type:
    """The class of a name; UserError, with the nearest names, where there is none."""
    if not isinstance(name, str) or name not in known:
        raise UserError(f"There is no {what} {name!r}: {suggest(str(name), list(known))}")
    return known[name]
