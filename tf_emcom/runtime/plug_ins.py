"""Plug-ins that a command chooses by name."""

import importlib
import pkgutil
import re
from types import ModuleType

from tf_emcom.errors import UserError
from tf_emcom.runtime import catalogue


def plug_ins(room: ModuleType, base: type, separator: str = "") -> dict[str, type]:
    """The concrete subclasses of `base` that the modules of a room define, by their names in lower case.

    `separator` stands between the words of a name.
    """
    found = {}
    for entry in pkgutil.iter_modules(room.__path__):
        module = importlib.import_module(f"{room.__name__}.{entry.name}")
        for cls in vars(module).values():
            if isinstance(cls, type) and issubclass(cls, base) and not getattr(cls, "__abstractmethods__", None):
                found[re.sub(r"(?<!^)(?=[A-Z])", separator, cls.__name__).lower()] = cls
    return found


def choose(name: object, known: dict[str, type], what: str) -> type:
    """The one of a name; UserError, with the nearest names, where there is none."""
    if not isinstance(name, str) or name not in known:
        raise UserError(f"There is no {what} {name!r}: {catalogue.suggest(str(name), list(known))}")
    return known[name]
