"""Finds every plug-in of the library."""

import importlib
import inspect
import pkgutil

from tf_emcom.annotations import is_base

ROOMS = (
    "schedules",
    "articulations",
    "grammars",
    "channels",
    "policies",
    "rewards",
    "tasks",
    "losses",
    "heads.speaker",
    "heads.listener",
    "heads.transfer",
    "nets",
    "optimizers",
    "transfer",
)


def public_classes():
    """Room and class name ↦ class, of all but records and protocols."""
    found = {}
    for room in ROOMS:
        package = importlib.import_module(f"tf_emcom.{room}")
        for information in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            module = importlib.import_module(information.name)
            for name, cls in inspect.getmembers(module, inspect.isclass):
                here = cls.__module__ == module.__name__ and not name.startswith("_")
                if here and not issubclass(cls, tuple) and not getattr(cls, "_is_protocol", False):
                    assert f"{room}.{name}" not in found, f"two plug-ins of {room} are called {name}"
                    found[f"{room}.{name}"] = cls
    return found


def plug_ins():
    """Room and class name ↦ class, of every plug-in."""
    return {key: cls for key, cls in public_classes().items() if not is_base(cls)}
