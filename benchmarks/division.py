"""How the time of a training step divides."""

import collections
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import tensorflow as tf

from benchmarks.measurement import Conditions, Measurement
from benchmarks.report import Table
from benchmarks.training_run import SIZES, TrainingRun

# The kinds that TensorFlow's operations fall into, by words in the names of their types; the first that fits counts.
_KINDS = {
    "products": ("MatMul", "Einsum", "Conv2D"),
    "random bits": ("Random", "Philox"),
    "feeding": ("Iterator", "Dataset", "Prefetch", "GetNext", "RemoteCall"),
    "optimizers": ("ApplyAdam", "ApplyGradient", "AssignVariable", "AssignAdd", "AssignSub"),
    "moving": ("Concat", "Split", "Transpose", "Slice", "ack", "Gather", "Reshape", "Pad", "Tile", "ReadVariable"),
    "control": ("While", "If", "PartitionedCall", "Enter", "Merge", "Switch", "Function"),
}
_REST = "element-wise"


class StepDivision(Measurement):
    """Where TensorFlow's profiler sees the threads of a step in graph mode; a program of XLA is one operation to it."""

    name = "step_division"
    description = "How a step's time divides: products, element-wise operations, random bits, feeding, and the rest."

    def __init__(self, batch_sizes: Sequence[int] = (16, 64, 256, 1024), steps: int = 10) -> None:
        """`steps` are few, since the profiler forgets what is too much."""
        self._batch_sizes, self._steps = batch_sizes, steps

    def measure(self, conditions: Conditions) -> Table:
        """One row for each size of agents and batch."""
        rows = []
        for agents, bindings in SIZES.items():
            for size in self._batch_sizes:
                run = TrainingRun("lg_s", [*conditions.bindings, *bindings, f"batch_size={size}"])
                run.advance(2)
                seconds, calls = divided(profiled(run, self._steps))
                kinds = {f"{kind} ms": 1e3 * seconds.get(kind, 0.0) / self._steps for kind in (*_KINDS, _REST)}
                kinds.pop("control ms")
                rows.append({"agents": agents, "batch": size, **kinds, "operations": calls / self._steps})
        of_kinds = {name: "" for name in rows[0] if name.endswith(" ms")}
        of_kinds["products ms"] = f"of all threads together, the mean of {self._steps} steps of LG (S), and so on"
        return Table(
            "Where a step's time goes",
            ("agents", "batch"),
            {**of_kinds, "operations": "how many a step has, of all kinds"},
            rows,
            tuple(of_kinds),
        )


def profiled(run: TrainingRun, steps: int) -> dict[str, list[float]]:
    """Type of operation ↦ the seconds that each took, on the host's threads, in so many steps."""
    # TensorFlow's own format, for which there is no public reader.
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            run.advance(steps)
        space = xplane_pb2.XSpace()
        for file in Path(folder).rglob("*.xplane.pb"):
            space.MergeFromString(file.read_bytes())
    found: dict[str, list[float]] = collections.defaultdict(list)
    for plane in space.planes:
        for event in (event for line in plane.lines for event in line.events):
            # An operation is called name:type there; what the runtime does besides has other names.
            name, colon, kind = plane.event_metadata[event.metadata_id].name.rpartition(":")
            if colon and kind.isidentifier() and not name.endswith(":"):
                found[kind].append(event.duration_ps * 1e-12)
    return dict(found)


def divided(seconds: Mapping[str, Sequence[float]]) -> tuple[dict[str, float], int]:
    """The seconds of each kind of operation, and how many operations of all kinds there were."""
    sums: dict[str, float] = collections.Counter()
    for name, each in seconds.items():
        kind = next((kind for kind, words in _KINDS.items() if any(word in name for word in words)), _REST)
        sums[kind] += sum(each)
    return dict(sums), sum(map(len, seconds.values()))
