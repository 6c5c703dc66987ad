"""Language measures as text."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tf_emcom.metrics.symbol_use import SymbolUse


def language_table(rows: Sequence[dict[str, Any]], uses: Sequence[SymbolUse]) -> str:
    """Measures with their values, then the entropy of each position, the mean over speakers.

    Args:
      rows: each with measure, value, messages; all or none with a deviation between speakers.
      uses: how each speaker uses symbols.
    """
    columns = ["value", "deviation"] if rows and "deviation" in rows[0] else ["value"]
    width = max((len(row["measure"]) for row in rows), default=0)
    lines = ["  ".join([f"{'measure':<{width}}", *(f"{name:>9}" for name in columns), "messages"])]
    for row in rows:
        numbers = [f"{_text(row[name]):>9}" for name in columns]
        lines.append("  ".join([f"{row['measure']:<{width}}", *numbers, f"{row['messages']:>8,}"]))
    entropy = np.mean([use.entropy for use in uses], axis=0)
    return "\n".join([*lines, "entropy by position, nats: " + " ".join(f"{value:.2f}" for value in entropy)])


def _text(value: float | None) -> str:
    if value is None:
        return "undefined"
    return f"{value:.0f}" if value.is_integer() else f"{value:.4f}"
