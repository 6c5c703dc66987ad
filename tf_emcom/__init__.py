"""Emergent communication in TensorFlow: speakers, listeners, noisy channels and their compiled training.

Every class that has a file of its own can be had from here by its name, as in `from tf_emcom import Speaker`, where no
other file has one of that name. It is imported once it is asked for, so that importing the package costs nothing.
"""

import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

# The agents are TensorFlow's, whatever keras.json and the environment say; Keras reads that once, when it is imported.
os.environ["KERAS_BACKEND"] = "tensorflow"
if (_backend := getattr(sys.modules.get("keras"), "config", None)) and _backend.backend() != "tensorflow":
    raise ImportError(
        f"tf_emcom needs Keras with TensorFlow, but Keras was imported with {_backend.backend()}; import tf_emcom"
        " first, or set the environment variable KERAS_BACKEND to tensorflow."
    )

_REGISTRY = "keras.src.saving.object_registration"


def __getattr__(name: str) -> Any:
    """The class called `name`; an attribute error where there is none."""
    if not name[:1].isupper() or name not in _homes():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_homes()[name]), name)


def __dir__() -> list[str]:
    """What the package has, with all classes."""
    return sorted({*globals(), *_homes()})


@functools.lru_cache(maxsize=1)
def _homes() -> dict[str, str]:
    """Class ↦ its module, of all classes that their file is named after; read, not imported."""
    root = Path(__file__).parent
    found: dict[str, list[str]] = {}
    for path in sorted(root.rglob("*.py")):
        for name in re.findall(r"^class ([A-Z]\w*)", path.read_text(encoding="utf-8"), re.MULTILINE):
            if name.lower() == path.stem.replace("_", ""):
                module = ".".join((__name__, *path.relative_to(root).with_suffix("").parts))
                found.setdefault(name, []).append(module)
    return {name: modules[0] for name, modules in found.items() if len(modules) == 1}


class _Registered(dict):
    """Keras' table of classes that files can name, which imports one of ours once a file names it."""

    def __contains__(self, name: object) -> bool:
        """Whether there is a class of that name, such as `tf_emcom>Speaker`."""
        package, _, cls = str(name).partition(">")
        if package == __name__ and not super().__contains__(name) and cls in _homes():
            importlib.import_module(_homes()[cls])  # It registers itself.
        return super().__contains__(name)


class _Watch(importlib.abc.MetaPathFinder):
    """Waits for Keras to be imported, so that importing this package imports nothing of it."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """None for all modules but one, which is found as usual, and changed once it has run."""
        if name != _REGISTRY:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        run = spec.loader.exec_module

        def run_and_change(module: ModuleType) -> None:
            run(module)
            _register_lazily(module)

        spec.loader.exec_module = run_and_change
        return spec


def _register_lazily(registry: ModuleType) -> None:
    registry.GLOBAL_CUSTOM_OBJECTS = _Registered(registry.GLOBAL_CUSTOM_OBJECTS)


if _REGISTRY in sys.modules:
    _register_lazily(sys.modules[_REGISTRY])
else:
    sys.meta_path.insert(0, _Watch())
