"""Means over seeds."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tf_emcom.reproduction.cell import Cell

Row = dict[str, Any]


def results(runs: str, cells: Iterable[Cell], file: str) -> list[Row]:
    """Every line of the runs' eval/<file>.jsonl, with the labels of its run; runs without that file have no lines."""
    rows = []
    for cell in cells:
        path = Path(runs) / cell.name / "eval" / f"{file}.jsonl"
        if path.exists():
            # The run's own seed, and not that of the test's masks, is what results are averaged over.
            rows += [{**json.loads(line), **cell.labels} for line in path.read_text().splitlines()]
    return rows


def over_seeds(rows: Iterable[Row], keys: Sequence[str], value: str) -> list[Row]:
    """Mean and standard deviation over seeds of `value`, for every combination of the keys, in order of appearance.

    The deviation is the sample's (divided by n − 1), and None for one seed. A value that a run lacks is left out.
    """
    groups: dict[tuple, list[float]] = {}
    for row in rows:
        if row.get(value) is not None:
            groups.setdefault(tuple(row.get(key) for key in keys), []).append(row[value])
    return [
        {
            **dict(zip(keys, group, strict=True)),
            "mean": float(np.mean(values)),
            "deviation": float(np.std(values, ddof=1)) if len(values) > 1 else None,
            "seeds": len(values),
        }
        for group, values in groups.items()
    ]
