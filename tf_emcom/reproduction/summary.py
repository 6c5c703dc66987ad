"""Means over seeds."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tf_emcom import files
from tf_emcom.errors import UserError
from tf_emcom.reproduction.cell import Cell

Row = dict[str, Any]


def results(
    runs: str, cells: Iterable[Cell], file: str, numbers: Sequence[str] = (), texts: Sequence[str] = ()
) -> list[Row]:
    """The lines of the runs' eval/<file>.jsonl that stand for a whole run, with the labels of their run.

    Of a population these are its averages. Runs without that file have no lines.

    Args:
      runs: the folder of all runs.
      cells: which runs.
      file: the name of the file, without its ending.
      numbers: keys under which every line that is about no single position has a number, or null.
      texts: keys under which it has a text.

    Raises:
      UserError: a file is damaged.
    """
    rows = []
    for cell in cells:
        path = Path(runs) / cell.name / "eval" / f"{file}.jsonl"
        if path.exists():
            fix = f"remove {path.parent.parent}/finished.json and start the same command again, which tests it again"
            found = files.read_json_lines(str(path), fix)
            for key, kind in (*((key, (int, float, type(None))) for key in numbers), *((key, str) for key in texts)):
                if not all("position" in row or isinstance(row.get(key, ...), kind) for row in found):
                    raise UserError(f"{path} is damaged (a line has no {key}); {fix}.")
            means = [row for row in found if row.get("ensemble") == "average"]
            rows += [{**row, **cell.labels, **_trained(row)} for row in means or found]
    return rows


def _trained(row: Row) -> Row:
    # The run's own seed, and not that of the test's masks, is what results are averaged over; a run of independent
    # pairs has a seed for each.
    return {"seed": row["training_seed"]} if "training_seed" in row else {}


def over_seeds(rows: Iterable[Row], keys: Sequence[str], value: str) -> list[Row]:
    """Mean and standard deviation over seeds of `value`, for every combination of the keys, in order of appearance.

    The deviation is the sample's (divided by n − 1), and None for one seed. A value that a run lacks is left out.

    Raises:
      UserError: a seed has two values under the same keys, so that something else would be taken for seeds.
    """
    groups: dict[tuple, dict[int, float]] = {}
    for row in rows:
        if row.get(value) is not None:
            seeds = groups.setdefault(tuple(row.get(key) for key in keys), {})
            if row["seed"] in seeds:
                raise UserError(
                    f"Seed {row['seed']} has more than one {value} by {', '.join(keys)}: {row}; test that run again."
                )
            seeds[row["seed"]] = row[value]
    return [
        {
            **dict(zip(keys, group, strict=True)),
            "mean": float(np.mean(list(seeds.values()))),
            "deviation": float(np.std(list(seeds.values()), ddof=1)) if len(seeds) > 1 else None,
            "seeds": len(seeds),
        }
        for group, seeds in groups.items()
    ]
