"""Numbers that papers report, beside those of a grid."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tf_emcom.checks import Checked
from tf_emcom.errors import UserError
from tf_emcom.evaluation.results import markdown_table
from tf_emcom.tools.reproduce.statistics import summary

Row = dict[str, Any]

COLUMNS = (
    *("source", "table", "measure", "where", "name", "published", "published_error"),
    *("mean", "standard_error", "low", "high", "seeds", "difference"),
)
_EXPLANATION = (
    "± is the standard error of the mean over seeds: of a paper's number where that has one, and of the one found here."
    " What was not run here is empty."
)


class Published(Checked):
    """A column or a row of a paper's table: the values of one measure, by the names of games, speakers or tasks."""

    def __init__(
        self,
        source: str,
        table: str,
        values: Mapping[str, Sequence[float]],
        where: Mapping[str, Any] | None = None,
        measure: str = "accuracy",
        by: str = "game",
    ) -> None:
        """A row of results belongs to a name if it has the name under the field `by`, and the fields of `where`.

        Args:
          source: the paper and its table.
          table: the table of the grid that the values are compared with, as for a `Claim`.
          values: name → the paper's value and, where it says one, its standard error; in units of the measure.
          where: the fields of the rows that are compared, as in {"noise": 0.0, "candidates": 1024}.
          measure: the field that is compared.
          by: the field that has the names.

        Raises:
          UserError: there is no value, or one has more than two numbers.
        """
        self.source, self.table, self.measure, self.by = source, table, measure, by
        self.values, self.where = dict(values), dict(where or {})
        if not self.values:
            raise UserError("Published.values is empty; bind it to what the paper has, as in {'pair': (0.89, 0.005)}.")
        for name, numbers in self.values.items():
            if len(numbers) not in (1, 2):
                raise UserError(
                    f"Published.values[{name!r}] is {numbers!r}; it is the value and its standard error, or the value"
                    " alone, as in (0.89,)."
                )

    def beside(self, rows: Iterable[Row]) -> list[Row]:
        """A row for each name, with what the grid's table, `rows` with a `seed` each, has there.

        Raises:
          UserError: the grid has several values of one seed.
        """
        rows, found = list(rows), []
        for name, (value, *error) in self.values.items():
            wanted = {**self.where, self.by: name}
            own: dict[Any, float] = {}
            for row in rows:
                if row.get(self.measure) is None or any(row.get(key, ...) != each for key, each in wanted.items()):
                    continue
                if row["seed"] in own:
                    raise UserError(
                        f"Beside the numbers of {self.source}, the table {self.table} has more than one {self.measure}"
                        f" of seed {row['seed']} with {wanted}; bind that Published.where to more fields."
                    )
                own[row["seed"]] = row[self.measure]
            ours = summary([*own.values()]) if own else {}
            found.append(
                {
                    **dict.fromkeys(COLUMNS),
                    **{"source": self.source, "table": self.table, "measure": self.measure, "name": name},
                    "where": ", ".join(f"{key} {each}" for key, each in self.where.items()),
                    **{"published": value, "published_error": error[0] if error else None},
                    **{key: each for key, each in ours.items() if key in COLUMNS},
                    "difference": ours["mean"] - value if ours else None,
                }
            )
        return found


def published_markdown(rows: Sequence[Row]) -> str:
    """The table of published numbers with ours beside them, and what it means."""
    heads = ["what", "where", "paper", "here", "difference", "seeds", "source"]
    lines = [
        [
            *(row["name"], f"{row['table']}, {row['measure']}{', ' if row['where'] else ''}{row['where']}"),
            *(_with_error(row["published"], row["published_error"]), _with_error(row["mean"], row["standard_error"])),
            "" if row["difference"] is None else f"{row['difference']:+.{_digits(row['published'])}f}",
            *(str(row["seeds"] or 0), row["source"]),
        ]
        for row in rows
    ]
    return "\n".join(["## Beside published numbers", "", _EXPLANATION, "", markdown_table(heads, lines)]) + "\n"


def _with_error(value: float | None, error: float | None) -> str:
    if value is None:
        return ""
    digits = _digits(value)
    return f"{value:.{digits}f}{'' if error is None else f' ± {error:.{digits}f}'}"


def _digits(value: float) -> int:
    return 4 if abs(value) < 100 else 0
