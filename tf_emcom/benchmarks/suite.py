"""Finding benchmarks, timing them, and telling the times."""

import importlib
import json
import pkgutil
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from tf_emcom import benchmarks as room
from tf_emcom.benchmarks.benchmark import Benchmark
from tf_emcom.errors import UserError

_REPEATS = 3


class Timing(NamedTuple):
    """The shortest times of a benchmark."""

    name: str
    ours: float  # seconds
    plain: float  # seconds

    @property
    def ratio(self) -> float:
        """How many times faster ours is."""
        return self.plain / self.ours


def known() -> dict[str, type[Benchmark]]:
    """Every benchmark by the name of its file."""
    found = {}
    for entry in pkgutil.iter_modules(room.__path__):
        module = importlib.import_module(f"{room.__name__}.{entry.name}")
        for cls in vars(module).values():
            if isinstance(cls, type) and issubclass(cls, Benchmark) and cls.__module__ == module.__name__:
                if not getattr(cls, "__abstractmethods__", None):
                    found[entry.name] = cls
    return found


def choose(names: Sequence[str]) -> dict[str, type[Benchmark]]:
    """Those of the benchmarks that are named; all of them for no name.

    Raises:
      UserError: there is none of a name.
    """
    everything = known()
    for name in names:
        if name not in everything:
            raise UserError(f"There is no benchmark {name!r}; the known ones are {', '.join(sorted(everything))}.")
    return {name: everything[name] for name in names} if names else everything


def measure(name: str, benchmark: Benchmark, repeats: int = _REPEATS) -> Timing:
    """Times both ways in turn, and keeps the shortest time of each: what else the machine does only adds.

    Raises:
      RuntimeError: the two ways came to different results.
    """
    times = {"ours": [], "plain": []}
    for _ in range(repeats):
        ours = _timed(benchmark.ours, times["ours"])
        plain = _timed(benchmark.plain, times["plain"])
        if not benchmark.same(ours, plain):
            raise RuntimeError(f"The benchmark {name} came to different results in its two ways.")
    return Timing(name, min(times["ours"]), min(times["plain"]))


def table(timings: Sequence[Timing]) -> str:
    """Name, times in seconds and ratio, as text."""
    width = max(len("benchmark"), *(len(timing.name) for timing in timings))
    lines = [f"{'benchmark':<{width}}  {'ours (s)':>10}  {'plain (s)':>10}  {'ratio':>8}"]
    for timing in timings:
        lines.append(f"{timing.name:<{width}}  {timing.ours:>10.4f}  {timing.plain:>10.4f}  {timing.ratio:>8.1f}")
    return "\n".join(lines)


def write(timings: Iterable[Timing], path: str) -> None:
    """Writes a JSON list of objects with `name`, `ours`, `plain` (seconds) and `ratio`.

    Raises:
      UserError: the file cannot be written.
    """
    rows = [{**timing._asdict(), "ratio": timing.ratio} for timing in timings]
    try:
        with open(path, "w") as file:
            file.write(json.dumps(rows, indent=2) + "\n")
    except OSError as error:
        raise UserError(f"--json is {path}, which cannot be written ({error.strerror}); name another file.") from error


def _timed(work: Callable[[], Any], times: list[float]) -> Any:
    begin = time.perf_counter()
    result = work()
    times.append(time.perf_counter() - begin)
    return result
