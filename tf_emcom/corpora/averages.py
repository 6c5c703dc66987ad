"""Means over several agents of what was measured of each."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

Row = dict[str, Any]


def deviation(values: Iterable[float]) -> float | None:
    """The standard deviation of a sample, divided by n − 1; None for fewer than two values."""
    found = list(values)
    return float(np.std(found, ddof=1)) if len(found) > 1 else None


def averages(rows: Sequence[Row], keys: Sequence[str], value: str) -> list[Row]:
    """Means over speakers: a line for each combination of the keys, with what else the first speaker's has.

    It has the mean as `value`, the `deviation` between speakers, and says of how many `speakers` it is the average;
    mean and deviation are None where the value is undefined for any of them.
    """
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(key) for key in keys), []).append(row)
    return [_average(group, value) for group in groups.values()]


def _average(rows: Sequence[Row], value: str) -> Row:
    shared = {key: kept for key, kept in rows[0].items() if key not in ("speaker", "training_seed")}
    values = [row[value] for row in rows]
    defined = None not in values
    return {
        **shared,
        "ensemble": "average",
        "speakers": len(rows),
        value: float(np.mean(values)) if defined else None,
        "deviation": deviation(values) if defined else None,
    }
