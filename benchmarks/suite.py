"""The list of everything that `bin/benchmark` measures, choosing from it, and measuring what was chosen."""

import sys
from collections.abc import Sequence

import tensorflow as tf

from benchmarks.comparisons import PAIRS_TOGETHER, PairwiseEditDistance
from benchmarks.division import StepDivision
from benchmarks.host import HostTime, InputPipeline
from benchmarks.measurement import Conditions, Measurement, time_of
from benchmarks.processes import PeakMemory, StartUp, Sweep
from benchmarks.report import Table, merged
from benchmarks.speed import EvaluationCells, Growth, Steps
from tf_emcom.errors import UserError

# Each is measured in this order, unless --only names others. They hold parameters only.
MEASUREMENTS: dict[str, Measurement] = {
    each.name: each
    for each in sorted(
        (
            EvaluationCells(),
            Growth(),
            HostTime(),
            InputPipeline(),
            PairwiseEditDistance(),
            *PAIRS_TOGETHER,
            PeakMemory(),
            StartUp(),
            StepDivision(),
            Steps(),
            Sweep(),
        ),
        key=lambda measurement: measurement.name,
    )
}


def choose(names: Sequence[str]) -> list[Measurement]:
    """The measurements with these names, each once; all of them if no name is given.

    Raises:
      UserError: there is no measurement of a name.
    """
    for name in names:
        if name not in MEASUREMENTS:
            known = ", ".join(MEASUREMENTS)
            raise UserError(f"There is no measurement {name!r}; the known ones are {known}.")
    return [MEASUREMENTS[name] for name in dict.fromkeys(names or MEASUREMENTS)]


def listed() -> str:
    """A line for each measurement: name and description."""
    width = max(map(len, MEASUREMENTS))
    return "\n".join(f"{name:<{width}}  {each.description}" for name, each in MEASUREMENTS.items())


def measure(chosen: Sequence[Measurement], conditions: Conditions) -> list[Table]:
    """Measures one after the other; prints to stderr which one it is and how long it took."""
    # Every configuration has a trace of its own, which TensorFlow would warn of.
    tf.get_logger().setLevel("ERROR")
    tables: list[Table] = []
    for number, each in enumerate(chosen, 1):
        print(f"{number} of {len(chosen)}: {each.name} … ", end="", file=sys.stderr, flush=True)
        seconds = time_of(lambda each=each: tables.append(each.measure(conditions)))
        print(f"{seconds:.0f} s", file=sys.stderr, flush=True)
    return merged(tables)
