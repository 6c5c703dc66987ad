"""The components that gin files can name: found by walking the package, registered from outside, looked up by name.

Library classes stay undecorated. A public class in a module of one of the `ROOMS` is a component as soon as its file exists.
"""

import difflib
import enum
import importlib
import importlib.util
import inspect
import pathlib
from collections.abc import Callable, Collection, Iterator, Sequence
from types import ModuleType
from typing import Any

import gin

ROOMS = (
    *("schedules", "channels", "tasks", "losses", "rewards", "heads", "nets", "optimizers", "agents", "actions", "data"),
    *("runtime.strategies", "modes", "metrics", "game", "learner", "trainer", "evaluator", "experiment"),
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
    return [entry.wrapped for entry in gin.config._REGISTRY.get_all_matches(selector)]


def complete_selector(selector: str) -> str:
    """Returns gin's full name of the one component that the selector means."""
    return gin.config._REGISTRY.get_match(selector).selector


def component_names() -> list[str]:
    """Returns the names of all components, sorted."""
    return sorted(entry.name for _, entry in gin.config._REGISTRY.items() if entry.module != "gin")


def parameters(component: Callable[..., Any]) -> tuple[dict[str, inspect.Parameter], bool]:
    """Returns the parameters that gin can bind, by name, and whether the component takes any other name as well.

    `**kwargs` that a constructor hands on, as Keras layers do, are looked up in the base classes, so that a misspelt
    name is noticed there too.
    """
    found: dict[str, inspect.Parameter] = {}
    for call in _constructors(component):
        signature = inspect.signature(call).parameters.values()
        for parameter in signature:
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY) and parameter.name != "self":
                found.setdefault(parameter.name, parameter)
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in signature):
            return found, False
    return found, inspect.isfunction(component) or bool(_constructors(component))


def suggest(name: str, known: Collection[str]) -> str:
    """Returns the end of a sentence about an unknown name: the nearest known ones, or else all of them."""
    by_lower = {option.lower(): option for option in sorted(known)}
    near = [by_lower[match] for match in difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6)]
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"the known ones are {', '.join(sorted(known))}" if known else "there are none"


def _modules(name: str) -> Iterator[ModuleType]:
    """Imports a room and all modules in it, in a fixed order; yields nothing where there is no such room."""
    if importlib.util.find_spec(name) is None:
        return
    room = importlib.import_module(name)
    yield room
    # pkgutil passes over sub-packages without an `__init__.py`, and their components would be lost without a word.
    for root in map(pathlib.Path, getattr(room, "__path__", ())):
        for file in sorted(root.rglob("*.py")):
            parts = file.relative_to(root).with_suffix("").parts
            inner = parts[:-1] if parts[-1] == "__init__" else parts
            if inner and inner[-1] != "__main__" and all(part.isidentifier() for part in inner):
                yield importlib.import_module(".".join((name, *inner)))


def _is_component(cls: object, module: ModuleType) -> bool:
    if not inspect.isclass(cls) or cls.__name__.startswith("_") or cls.__module__ != module.__name__:
        return False
    is_record = issubclass(cls, tuple) and hasattr(cls, "_fields")
    is_protocol = getattr(cls, "_is_protocol", False)
    return not (inspect.isabstract(cls) or is_record or is_protocol or issubclass(cls, (BaseException, enum.Enum)))


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
