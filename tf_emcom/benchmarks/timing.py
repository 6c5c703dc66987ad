"""Timing."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

# A call that lasts less is timed several at a time: the clock and the scheduler are coarse.
_SHORTEST = 0.3

Seconds = dict[Any, list[float]]


def in_turn(works: Mapping[Any, Callable[[], object]], rounds: int) -> Seconds:
    """The seconds that each work takes, round by round, so that what else the machine does hits all of them."""
    seconds: Seconds = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            seconds[name].append(timed(work))
    return seconds


def timed(work: Callable[[], object]) -> float:
    """The seconds that one call takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def enough(work: Callable[[int], object], shortest: float = _SHORTEST) -> int:
    """How many repeats `work(n)` needs to last `shortest` seconds, by what one or a few last."""
    repeats = 1
    seconds = timed(lambda: work(1))
    while seconds < shortest / 4:
        repeats *= 4
        seconds = timed(lambda repeats=repeats: work(repeats))
    return max(1, math.ceil(repeats * shortest / seconds))
