"""Claims about what a grid measures, and whether its runs bear them out."""

import abc
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tf_emcom.checks import Checked
from tf_emcom.errors import UserError
from tf_emcom.evaluation.results import markdown_table
from tf_emcom.tools.reproduce.statistics import Strata, interval, mean, probability_of_improvement

Row = dict[str, Any]

COLUMNS = (
    *("claim", "result", "difference", "low", "high", "at_least"),
    *("probability", "probability_low", "probability_high", "seeds", "paired", "compared", "source"),
)
SEEN, NOT_SEEN, UNDECIDED = "seen", "not seen", "not decided here"
_EXPLANATION = (
    "The difference of means, the one that is claimed to be higher less the other one, and its 95 % bootstrap interval"
    " over seeds; the seeds are drawn in pairs where both sides have the same. P is the probability that a run of the"
    " first kind is higher than one of the second. *Seen*: the whole interval is above *at least*; *not seen*: it is"
    " below; *not decided here*: neither. A best seed is one run, which is taken as it is: the interval is that of the"
    " other side. Nothing is corrected for the number of claims."
)
# What a filter can be made narrower with.
_FIELDS = ("candidates", "noise", "input_noise", "erased", "meaning", "measure", "task", "game", "speaker", "step")


class Statement(Checked, abc.ABC):
    """The base class of what the tables of a grid are asked: a sentence, and who claims it."""

    sentence: str
    source: str

    @abc.abstractmethod
    def answer(self, tables: Mapping[str, Sequence[Row]]) -> Row:
        """Its row of the table of claims, with the fields `COLUMNS`; `tables`: name ↦ rows, each with a `seed`.

        Raises:
          UserError: a table has several values of one seed.
        """


class Claim(Statement):
    """That one thing that a grid measures is higher than another one: a row of the table of claims."""

    def __init__(
        self,
        sentence: str,
        source: str,
        table: str,
        higher: Mapping[str, Any],
        lower: Mapping[str, Any],
        where: Mapping[str, Any] | None = None,
        measure: str = "accuracy",
        at_least: float = 0.0,
        over: str = "",
    ) -> None:
        """A row of results belongs to a side if it has the fields of `where` and those of the side.

        Args:
          sentence: what is claimed.
          source: who claims it, and where.
          table: the table's name: a test of games, "robustness", "transfer", "top5", "by_attribute",
            "ease_of_learning", or a further test of the grid.
          higher: the fields of what is claimed to be higher, as in {"game": "nlg"}.
          lower: the fields of the other side.
          where: the fields that both sides have, as in {"noise": 0.5, "candidates": 16}.
          measure: the field that is compared.
          at_least: the claimed difference, in units of the measure; below 0: as good, but for so much.
          over: a field whose values are strata with runs of their own, as "task": the difference is the mean over
            them, and seeds are drawn for each apart. Without it, the fields above have to leave a row for each seed.

        Raises:
          UserError: both sides are the same.
        """
        self.sentence, self.source, self.table = sentence, source, table
        self.higher, self.lower, self.where = dict(higher), dict(lower), dict(where or {})
        self.measure, self.at_least, self.over = measure, at_least, over
        if self.higher == self.lower:
            raise UserError(f"Claim.higher and Claim.lower are both {self.higher}; bind them to what is compared.")

    def answer(self, tables: Mapping[str, Sequence[Row]]) -> Row:
        return self.examine(tables.get(self.table, ()))

    def examine(self, rows: Iterable[Row]) -> Row:
        """The claim's row of the table, from the table's rows of results, each with a `seed`.

        Raises:
          UserError: a side has several rows of one seed.
        """
        rows = list(rows)
        higher, lower = self._scores(rows, self.higher), self._scores(rows, self.lower)
        strata = [stratum for stratum in higher if stratum in lower]
        found = unanswered(self, self._compared(len(strata)), self.at_least)
        if not strata:
            missing = [side for side, scores in ((self.higher, higher), (self.lower, lower)) if not scores]
            return {**found, "seeds": "0", "result": f"{UNDECIDED}: no row of {_listed(*missing)}"}
        compared = [_beside_the_best(higher[stratum], lower[stratum]) for stratum in strata]
        paired = all(first.keys() == second.keys() for first, second in compared)
        firsts, seconds = (_arrays(side) for side in zip(*compared, strict=True))
        if paired:
            differences = [first - second for first, second in zip(firsts, seconds, strict=True)]
            limits = interval(mean, differences)
        else:
            limits = interval(lambda drawn: mean(drawn[: len(strata)]) - mean(drawn[len(strata) :]), firsts + seconds)
        return {
            **found,
            "difference": float(mean(firsts) - mean(seconds)),
            **dict(zip(("low", "high"), limits or (None, None), strict=True)),
            **_improvement(firsts, seconds),
            "seeds": _counted(firsts) if paired else f"{_counted(firsts)} and {_counted(seconds)}",
            "paired": paired,
            "result": verdict(limits, self.at_least),
        }

    def _scores(self, rows: Iterable[Row], side: Mapping[str, Any]) -> dict[object, dict[int | str, float]]:
        """Stratum ↦ seed ↦ value; that of a best seed under `_THE_BEST`."""
        found: dict[object, dict[int, Row]] = {}
        wanted = {**self.where, **side}
        for row in rows:
            if row.get(self.measure) is None or any(row.get(key, ...) != value for key, value in wanted.items()):
                continue
            other = found.setdefault(row.get(self.over), {}).setdefault(row["seed"], row)
            if other is not row:
                differing = [key for key in _FIELDS if row.get(key) != other.get(key)]
                raise UserError(
                    f"The claim {self.sentence!r} has more than one {self.measure} of seed {row['seed']} in the table"
                    f" {self.table} with {_listed(wanted)}; bind its Claim.where to one of their"
                    f" {' and '.join(differing) or 'fields'}, too."
                )
        return {
            stratum: {
                _THE_BEST if of_seed[seed].get("chosen") else seed: of_seed[seed][self.measure]
                for seed in sorted(of_seed)
            }
            for stratum, of_seed in found.items()
        }

    def _compared(self, strata: int) -> str:
        where = f", {_listed(self.where)}" if self.where else ""
        mean_over = f", mean over {strata} by {self.over}" if self.over else ""
        return f"{self.table}, {self.measure}{where}{mean_over}: {_listed(self.higher)} − {_listed(self.lower)}"


_THE_BEST = "the best seed"


def _beside_the_best(*sides: dict[int | str, float]) -> tuple[dict[int | str, float], ...]:
    """Both sides; a best seed beside every seed of the other side, since it is taken as given."""
    seeds = next((side for side in sides if _THE_BEST not in side), sides[0])
    return tuple(dict.fromkeys(seeds, side[_THE_BEST]) if _THE_BEST in side else side for side in sides)


def unanswered(asked: Statement, compared: str, at_least: float | str) -> Row:
    """The row of what the runs do not decide."""
    known = {"claim": asked.sentence, "source": asked.source, "compared": compared, "at_least": at_least}
    return {**dict.fromkeys(COLUMNS), **known, "result": UNDECIDED, "seeds": "0"}


def verdict(limits: tuple[float, float] | None, at_least: float, at_most: float = np.inf) -> str:
    """Whether the whole interval is within these limits, or the whole of it is on one side of them."""
    if limits and at_least < limits[0] and limits[1] < at_most:
        return SEEN
    return NOT_SEEN if limits and (limits[1] < at_least or limits[0] > at_most) else UNDECIDED


def _arrays(scores: Iterable[Mapping[int, float]]) -> list[np.ndarray]:
    return [np.array([*of_stratum.values()], np.float64) for of_stratum in scores]


def _improvement(firsts: list[np.ndarray], seconds: list[np.ndarray]) -> Row:
    half = len(firsts)
    limits = interval(lambda drawn: probability_of_improvement(drawn[:half], drawn[half:]), firsts + seconds)
    low, high = limits or (None, None)
    probability = float(probability_of_improvement(firsts, seconds))
    return {"probability": probability, "probability_low": low, "probability_high": high}


def _counted(scores: Strata) -> str:
    counts = sorted({len(each) for each in scores})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def _listed(*sides: Mapping[str, Any]) -> str:
    return " or ".join(", ".join(f"{key} {value}" for key, value in side.items()) for side in sides)


def examined(claims: Iterable[Statement], rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    """The rows of the table of claims; `rows` are the results by the names of their tables."""
    return [claim.answer(rows) for claim in claims]


def claims_markdown(rows: Sequence[Row]) -> str:
    """The table of claims, and what it means."""
    heads = ["claim", "result", "difference or ρ", "at least", "P", "seeds", "compared", "source"]
    lines = [
        [
            *(row["claim"], row["result"], _with_limits(row["difference"], row["low"], row["high"])),
            row["at_least"] if isinstance(row["at_least"], str) else f"{row['at_least']:g}",
            _with_limits(row["probability"], row["probability_low"], row["probability_high"], digits=2),
            *(f"{row['seeds']}{', paired' if row['paired'] else ''}", row["compared"], row["source"]),
        ]
        for row in rows
    ]
    return "\n".join(["## Claims", "", _EXPLANATION, "", markdown_table(heads, lines)]) + "\n"


def _with_limits(value: float | None, low: float | None, high: float | None, digits: int = 3) -> str:
    limits = "" if low is None else f" [{low:.{digits}f}, {high:.{digits}f}]"
    return "" if value is None else f"{value:.{digits}f}{limits}"
