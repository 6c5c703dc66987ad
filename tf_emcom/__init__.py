"""Emergent communication in TensorFlow: speakers, listeners, noisy channels and their compiled training.

Every class that has a file of its own can be had from here by its name, as in `from tf_emcom import Speaker`, where no
other file has one of that name. It is imported once it is asked for, so that importing the package costs nothing.
"""

import functools
import importlib
import os
import re
import sys
from pathlib import Path
from typing import Any

# The agents are TensorFlow's, whatever keras.json and the environment say; Keras reads that once, when it is imported.
os.environ["KERAS_BACKEND"] = "tensorflow"
if (_backend := getattr(sys.modules.get("keras"), "config", None)) and _backend.backend() != "tensorflow":
    raise ImportError(
        f"tf_emcom needs Keras with TensorFlow, but Keras was imported with {_backend.backend()}; import tf_emcom"
        " first, or set the environment variable KERAS_BACKEND to tensorflow."
    )


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
