"""The section about symbols."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from tf_emcom.reports.accuracy import missing
from tf_emcom.reports.blocks import Cell, Entry, Figure, Missing, Table, Text, number
from tf_emcom.reports.drawing import Curve, Panel, draw, draw_heat_map
from tf_emcom.reports.lines import Row
from tf_emcom.reports.run import Run
from tf_emcom.reports.section import Section


class UseOfSymbols(Section):
    """The lines of testlanguage about positions."""

    title = "Use of symbols"
    place = 100
    explanation = "Which symbols a speaker says where, over its messages about the test split."

    def blocks(self, runs: Sequence[Run]) -> Iterator[object]:
        """A heat map for each run, entropies by position, and the numbers."""
        found = {run.path: _first_speaker(run) for run in runs}
        for run in runs:
            if not _of(found[run.path], "symbol_use", "share"):
                yield _missing(run)
        told = [run for run in runs if _of(found[run.path], "symbol_use", "share")]
        if not told:
            return
        shares = {run.path: _shares(run, found[run.path]) for run in told}
        several = any(row.get("speaker") not in (0, None) for run in told for row in _rows(run))
        yield Figure(
            [draw_heat_map(shares[run.path], run.name if len(runs) > 1 else "") for run in told],
            [],
            "How often each symbol is said at each position." + (" Of several speakers, the first." if several else ""),
            columns=2,
        )
        curves = [_entropies(run, found[run.path]) for run in told]
        most = {math.log(shares[run.path].shape[1]) for run in told}
        levels = [(level, "#808080") for level in sorted(most)]
        limits = (0.0, 1.08 * max(most))
        panel = Panel(curves, "position in the message", "entropy (nats)", limits=limits, levels=levels)
        legend = [Entry(run.mark, run.name) for run in told] if len(runs) > 1 else []
        caption = "Entropy of the symbols at each position. Dotted: all symbols equally often."
        yield Figure([draw(panel, wide=True)], legend, caption, wide=True)
        for run in told:
            yield _table(run, shares[run.path])


def _missing(run: Run) -> Missing | Text:
    if _rows(run):
        return Text(f"{run.name}: eval/testlanguage.jsonl says nothing of symbols by position.")
    return missing(run, "testlanguage")


def _rows(run: Run) -> list[Row]:
    return run.evaluation("testlanguage", ["position"]).rows


def _first_speaker(run: Run) -> list[Row]:
    rows = _rows(run)
    return [row for row in rows if row.get("speaker") == rows[0].get("speaker")]


def _of(rows: Sequence[Row], measure: str, key: str) -> list[Row]:
    return [row for row in rows if row.get("measure") == measure and key in row]


def _shares(run: Run, rows: Sequence[Row]) -> np.ndarray:
    """[T, V]; symbols that are never said have no line, so V comes from the configuration where that tells."""
    used = _of(rows, "symbol_use", "share")
    size = run.setting("vocab_size")
    vocabulary = max(int(size) if size.isdigit() else 0, *(row["symbol"] + 1 for row in used))
    shares = np.zeros((max(row["position"] for row in used) + 1, vocabulary))
    for row in used:
        shares[row["position"], row["symbol"]] = row["share"]
    return shares


def _entropies(run: Run, rows: Sequence[Row]) -> Curve:
    found = sorted(_of(rows, "symbol_entropy", "value"), key=lambda row: row["position"])
    return Curve([row["position"] for row in found], [row["value"] for row in found], run.mark)


def _table(run: Run, shares: np.ndarray) -> Table:
    by_symbol = enumerate(shares.T.tolist())
    rows = [[Cell(str(symbol)), *(number(share) for share in column)] for symbol, column in by_symbol]
    heads = ["symbol", *(f"position {t}" for t in range(len(shares)))]
    return Table(f"{run.name}: share of messages.", heads, rows, summary=f"Shares of {run.name}")
