"""Finding what can be measured, and choosing from it."""

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Sequence

import tensorflow as tf

from tf_emcom import benchmarks as room
from tf_emcom.benchmarks.conditions import Conditions
from tf_emcom.benchmarks.measurement import Measurement
from tf_emcom.benchmarks.table import Table, merged
from tf_emcom.benchmarks.timing import timed
from tf_emcom.errors import UserError


def known() -> dict[str, type[Measurement]]:
    """Every measurement by the name of its file."""
    found = {}
    for entry in pkgutil.iter_modules(room.__path__):
        module = importlib.import_module(f"{room.__name__}.{entry.name}")
        for cls in vars(module).values():
            if isinstance(cls, type) and issubclass(cls, Measurement) and cls.__module__ == module.__name__:
                if not inspect.isabstract(cls):
                    found[entry.name] = cls
    return found


def choose(names: Sequence[str]) -> dict[str, type[Measurement]]:
    """Those of the measurements that are named; all of them for no name.

    Raises:
      UserError: there is none of a name.
    """
    everything = known()
    for name in names:
        if name not in everything:
            raise UserError(f"There is no measurement {name!r}; the known ones are {', '.join(sorted(everything))}.")
    return {name: everything[name] for name in names} if names else everything


def listed() -> str:
    """A line for each measurement: its name, and what it says of itself."""
    everything = known()
    width = max(map(len, everything))
    return "\n".join(f"{name:<{width}}  {inspect.getdoc(cls).splitlines()[0]}" for name, cls in everything.items())


def measure(chosen: dict[str, type[Measurement]], conditions: Conditions) -> list[Table]:
    """Their tables, made one after the other; says on stderr which it is at and how long each took."""
    # Every configuration has a trace of its own, which TensorFlow would warn of.
    tf.get_logger().setLevel("ERROR")
    tables: list[Table] = []
    for number, (name, cls) in enumerate(chosen.items(), 1):
        print(f"{number} of {len(chosen)}: {name} … ", end="", file=sys.stderr, flush=True)
        seconds = timed(lambda cls=cls: tables.append(cls().measure(conditions)))
        print(f"{seconds:.0f} s", file=sys.stderr, flush=True)
    return merged(tables)
