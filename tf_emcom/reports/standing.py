"""Which lines of a test stand for the whole run."""

from collections.abc import Sequence

import numpy as np

from tf_emcom.corpora.averages import deviation
from tf_emcom.reports.lines import Row


def of_the_run(rows: Sequence[Row], keys: Sequence[str], value: str) -> dict[str, list[Row]]:
    """The lines about all agents of a run, by what is told of them.

    Args:
      rows: all lines of a test, `speaker` and `listener` naming a pair, `ensemble` what several pairs are together.
      keys: what tells one cell of the test from the others.
      value: the key of what was measured.

    Returns:
      "" → the lines of the only pair, or means over independent pairs, with the `deviation` between them and how many
      `pairs` they are; of a population its "average" and, where listeners vote, its "vote".
    """
    whole = [row for row in rows if "ensemble" in row and "speaker" not in row]
    if whole:
        names = dict.fromkeys(row["ensemble"] for row in whole)
        return {name: [row for row in whole if row["ensemble"] == name] for name in names}
    if len({(row.get("speaker"), row.get("listener")) for row in rows}) <= 1:
        return {"": list(rows)}
    cells: dict[tuple, list[Row]] = {}
    for row in rows:
        cells.setdefault(tuple(row.get(key) for key in keys), []).append(row)
    return {"": [_mean(cell, value) for cell in cells.values()]}


def _mean(rows: list[Row], value: str) -> Row:
    values = [row[value] for row in rows]
    first = {key: kept for key, kept in rows[0].items() if key not in ("speaker", "listener", "training_seed", "games")}
    if None in values:
        return {**first, value: None, "deviation": None, "pairs": len(rows)}
    mean, spread = float(np.mean(values)), deviation(values) or 0.0
    interval = [mean - spread, mean + spread]
    return {**first, value: mean, "deviation": spread, "interval": interval, "pairs": len(rows)}
