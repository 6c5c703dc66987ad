"""Claims that two things that a grid measures go together, or do not."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np

from tf_emcom.checks import Checked, Highest, Least
from tf_emcom.errors import UserError
from tf_emcom.tools.reproduce.claims import Row, Statement, unanswered, verdict
from tf_emcom.tools.reproduce.statistics import interval, spearman

Correlated = Annotated[float, Least(-1), Highest(1)]


class Quantity(Checked):
    """Something that the runs of a grid measure, by game or by speaker."""

    def __init__(
        self, table: str, where: Mapping[str, Any] | None = None, measure: str = "accuracy", by: str = "game"
    ) -> None:
        """The field `measure` of the rows of a table that have the fields of `where`; `by` says whose they are."""
        self.table, self.where, self.measure, self.by = table, dict(where or {}), measure, by

    def __str__(self) -> str:
        where = "".join(f", {key} {value}" for key, value in self.where.items())
        return f"{self.table}, {self.measure}{where}"

    def values(self, tables: Mapping[str, Sequence[Row]], names: Sequence[str]) -> dict[tuple[str, Any], float]:
        """The values of these games or speakers: (name, seed) ↦ value; UserError where a seed has several."""
        found: dict[tuple[str, Any], float] = {}
        for row in tables.get(self.table, ()):
            fits = all(row.get(key, ...) == value for key, value in self.where.items())
            if fits and row.get(self.by) in names and row.get(self.measure) is not None:
                key = row[self.by], row["seed"]
                if key in found:
                    raise UserError(
                        f"{key[0]} has more than one {self.measure} of seed {key[1]} in the table {self} of a"
                        " correlation; bind its Quantity.where to more fields."
                    )
                found[key] = row[self.measure]
        return found


class Correlation(Statement):
    """That two quantities go together over the runs of some games, or that they do not, by Spearman's ρ."""

    def __init__(
        self,
        sentence: str,
        source: str,
        first: Quantity,
        second: Quantity,
        names: Sequence[str],
        at_least: Correlated = -1.0,
        at_most: Correlated = 1.0,
    ) -> None:
        """Each run of each game is a pair of numbers; the rank correlation is that of all of them together.

        Its interval is that of seeds drawn again, for each game apart. It is claimed to lie between two limits: with
        `at_least` 0.5, say, that both go together, with -0.5 and `at_most` 0.5 that they do not.

        Args:
          sentence: what is claimed.
          source: who claims it, and where.
          first: one quantity.
          second: the other one.
          names: the games, or the speakers of the same names.
          at_least: the lowest ρ that is claimed.
          at_most: the highest.

        Raises:
          UserError: there are fewer than two names, or no number is between the limits.
        """
        self.sentence, self.source, self.first, self.second = sentence, source, first, second
        self.names, self.at_least, self.at_most = tuple(dict.fromkeys(names)), at_least, at_most
        if len(self.names) < 2:
            raise UserError(f"Correlation.names is {names!r}; bind it to two games or more, as in ['lg_s', 'nlg'].")
        if not at_least < at_most:
            raise UserError(
                f"Correlation.at_least is {at_least} and at_most {at_most}; bind the first to the lower one."
            )

    def answer(self, tables: Mapping[str, Sequence[Row]]) -> Row:
        firsts, seconds = (each.values(tables, self.names) for each in (self.first, self.second))
        strata: dict[str, list[tuple[float, float]]] = {}
        for name, seed in sorted(firsts.keys() & seconds.keys(), key=lambda key: (self.names.index(key[0]), key[1])):
            strata.setdefault(name, []).append((firsts[name, seed], seconds[name, seed]))
        about = f"Spearman's ρ of ({self.first}) and ({self.second}) over {', '.join(self.names)}"
        limits = f"{self.at_least:g}" if self.at_most == 1 else f"{self.at_least:g}, at most {self.at_most:g}"
        found = unanswered(self, about, limits)
        if len(strata) < 2:
            missing = [name for name in self.names if name not in strata]
            return {**found, "result": f"{found['result']}: no row of {' or '.join(missing)}"}
        pairs = [np.array(each, np.float64) for each in strata.values()]
        counts = sorted({len(each) for each in pairs})
        between = interval(spearman, pairs)
        # An end of the scale is no limit.
        low, high = -np.inf if self.at_least == -1 else self.at_least, np.inf if self.at_most == 1 else self.at_most
        return {
            **found,
            "difference": float(spearman(pairs)),
            **dict(zip(("low", "high"), between or (None, None), strict=True)),
            "seeds": " to ".join(map(str, dict.fromkeys([counts[0], counts[-1]]))),
            "result": verdict(between, low, high),
        }
