"""The components that gin files can name: found by walking the package, registered from outside, looked up by name.

Library classes stay undecorated. A public class in a module of one of the `ROOMS` is a component as soon as its file
exists.
"""

import difflib
import enum
import importlib
import importlib.util
import inspect
import pkgutil
from collections.abc import Callable, Collection, Iterator, Sequence
from types import ModuleType
from typing import Any

import gin

from tf_emcom.annotations import is_base

ROOMS = (
    *("schedules", "channels", "tasks", "policies", "losses", "rewards", "heads", "nets", "optimizers", "agents"),
    *("articulations", "grammars", "actions", "data", "runtime.strategies", "modes", "metrics"),
    *("game", "learner", "transfer_game", "transfer_learner", "transcriber", "trainer", "evaluator", "experiment"),
    *("transfer", "runtime.trained_speaker", "runtime.shuffled_speaker", "reproduction", "populations", "export"),
)


def register_components(package: str = "tf_emcom", rooms: Sequence[str] = ROOMS) -> None:
    """Registers every component of the package with gin; calling it again adds only what is new.

    Args:
        package: Name of the package to walk.
        rooms: Its sub-packages and modules that hold components; those that do not exist are passed over.

    Raises:
        RuntimeError: If two components have the same name.
    """
    for room in rooms:
        for module in _modules(f"{package}.{room}"):
            for cls in vars(module).copy().values():
                if _is_component(cls, module):
                    _register(cls, _folder(module))


def matches(selector: str) -> list[Callable[..., Any]]:
    """Returns the components that a selector of a gin file, such as `Erasure` or `channels.Erasure`, can mean."""
    found = gin.config._REGISTRY.get_all_matches(selector)
    # Nothing here defines gin's constants.
    return [entry.wrapped for entry in found if (entry.module, entry.name) != ("gin", "constant")]


def selectors(selector: str) -> list[str]:
    """Returns gin's full names of the components that a selector can mean, sorted."""
    return sorted(gin.config._REGISTRY.matching_selectors(selector))


def component_names() -> list[str]:
    """Returns the names of all components, sorted."""
    return sorted(entry.name for _, entry in gin.config._REGISTRY.items() if entry.module != "gin")


def names_in(room: str) -> list[str]:
    """Returns the names of the components of one room, such as `losses`."""
    return [entry.name for _, entry in gin.config._REGISTRY.items() if entry.module == room]


def parameters(component: Callable[..., Any]) -> tuple[dict[str, inspect.Parameter], bool]:
    """Returns the parameters that gin can bind, by name, and whether the component takes any other name as well.

    `**kwargs` that a constructor hands on, as Keras layers do, are looked up in the base classes, so that a misspelt
    name is noticed there too.
    """
    signatures = [inspect.signature(call).parameters.values() for call in _constructors(component)]
    takes_others = [any(each.kind is each.VAR_KEYWORD for each in signature) for signature in signatures]
    asked = signatures if any(takes_others[:1]) else signatures[:1]
    found: dict[str, inspect.Parameter] = {}
    for parameter in (each for signature in asked for each in signature):
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY) and parameter.name != "self":
            found.setdefault(parameter.name, parameter)
    return found, bool(takes_others) and all(takes_others)


def nearest(name: str, known: Collection[str]) -> str:
    """Returns the known names most like an unknown one, for a sentence; empty if none is alike."""
    by_lower = {option.lower(): option for option in sorted(known)}
    return " or ".join(by_lower[each] for each in difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6))


def suggest(name: str, known: Collection[str]) -> str:
    """Returns the end of a sentence about an unknown name: the nearest known ones, and all of them if they are few."""
    near, everything = nearest(name, known), ", ".join(sorted(known))
    if not everything:
        return "there is none at all."
    if near:
        return f"did you mean {near}?" + (f" (known: {everything})" if len(known) <= 30 else "")
    return f"the known ones are {everything}."


def _modules(name: str) -> Iterator[ModuleType]:
    """Imports a room and all modules in it, in a fixed order; yields nothing where there is no such room."""
    if importlib.util.find_spec(name) is None:
        return
    room = importlib.import_module(name)
    yield room
    for found in pkgutil.iter_modules(getattr(room, "__path__", ())):
        if found.name != "__main__":
            yield from _modules(f"{name}.{found.name}")


def _is_component(cls: object, module: ModuleType) -> bool:
    if not inspect.isclass(cls) or cls.__name__.startswith("_") or cls.__module__ != module.__name__:
        return False
    is_record = issubclass(cls, tuple) and hasattr(cls, "_fields")
    is_protocol = getattr(cls, "_is_protocol", False)
    return not (is_base(cls) or is_record or is_protocol or issubclass(cls, (BaseException, enum.Enum)))


def _folder(module: ModuleType) -> str:
    """Returns the name of the innermost package that holds a module."""
    package = module.__name__ if hasattr(module, "__path__") else module.__name__.rpartition(".")[0]
    return package.rpartition(".")[2]


def _register(cls: type, folder: str) -> None:
    namesakes = matches(cls.__name__)
    for other in namesakes:
        if other is not cls:
            places = " and ".join(f"{each.__module__}.{each.__qualname__}" for each in (other, cls))
            raise RuntimeError(f"Two components are called {cls.__name__}, {places}: gin needs one name for each.")
    if not namesakes:
        gin.external_configurable(cls, name=cls.__name__, module=folder)


def _constructors(component: Callable[..., Any]) -> list[Callable[..., Any]]:
    """Returns what receives the arguments of a call, the outermost first."""
    if not inspect.isclass(component):
        return [component]
    own = [vars(base)["__init__"] for base in component.__mro__ if "__init__" in vars(base)]
    return [init for init in own if init is not object.__init__]
