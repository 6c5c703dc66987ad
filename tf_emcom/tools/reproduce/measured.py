"""What the runs of a grid measured, and its summaries over seeds."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tf_emcom import files
from tf_emcom.errors import UserError
from tf_emcom.evaluation.results import whole_rows
from tf_emcom.runtime.evaluation_rows import grouped, of_the_run
from tf_emcom.tools.reproduce.grid import Cell
from tf_emcom.tools.reproduce.statistics import summary

Row = dict[str, Any]

SILENT = "without message"  # in place of a speaker


def results(
    runs: str, cells: Iterable[Cell], file: str, numbers: Sequence[str] = (), texts: Sequence[str] = ()
) -> list[Row]:
    """The rows of eval/<file>.jsonl of the cells' runs about all agents of a run, with the labels of their run.

    For a population these are its averages, and the votes of its listeners, as those of a game of their own: `game` is
    the population's with ", vote" behind. Runs without that file have no rows.

    Raises:
      UserError: a file is damaged, or a field is not a number, null or, of `texts`, a text in all of these rows.
    """
    rows = []
    for cell in cells:
        path = Path(runs) / cell.name / "eval" / f"{file}.jsonl"
        if path.exists():
            fix = f"remove {path.parent.parent}/finished.json and run the same command again, which tests it again"
            found = whole_rows(of_the_run(files.read_json_lines(str(path), fix)))
            kinds = {**dict.fromkeys(numbers, int | float | None), **dict.fromkeys(texts, str)}
            for key, kind in kinds.items():
                if not all(isinstance(row.get(key, ...), kind) for row in found):
                    raise UserError(f"{path} is damaged (a line has no {key}); {fix}.")
            rows += [{**row, **_labels(cell, row)} for row in found]
    return rows


def _labels(cell: Cell, row: Row) -> dict[str, Any]:
    labels: dict[str, Any] = dict(cell.labels)
    if row.get("ensemble") == "vote" and "game" in labels:
        labels["game"] = f"{labels['game']}, vote"
    if "training_seed" in row:
        # Results are averaged over the seeds of training, not of the test; each independent pair has its own.
        labels["seed"] = row["training_seed"]
    return labels


def measured(runs: str, games: Sequence[Cell], transfers: Sequence[Cell]) -> dict[str, list[Row]]:
    """The rows of all tests, by the names of their tables.

    Rows of "transfer" and "ease_of_learning" have the field `metric`, "accuracy" or "loss"; what is reached
    "without message" is there as that of another speaker.

    Raises:
      UserError: as for `results`.
    """
    chosen = {
        "testchannel": ("candidates", "noise", "accuracy"),
        "testmessage": ("candidates", "erased", "accuracy"),
        "testinput": ("candidates", "noise", "input_noise", "accuracy"),
        "testnaming": ("noise", "accuracy"),
    }
    found = {test: results(runs, games, test, numbers) for test, numbers in chosen.items()}
    found["testtopsim"] = results(runs, games, "testtopsim", ["topsim"], ["meaning"])
    found["testlanguage"] = results(runs, games, "testlanguage", ["value"], ["measure"])
    heard = [_with_metric(row) for row in results(runs, transfers, "test", ["without_message"])]
    # It is the same for all speakers, so one of them is enough.
    of_one = [row for row in heard if row["speaker"] == heard[0]["speaker"]]
    silent = [{**row, "speaker": SILENT, row["metric"]: row["without_message"]} for row in of_one]
    found["transfer"] = [*heard, *silent]
    areas = [row for cell in transfers for row in results(runs, [cell], "ease_of_learning", ["area"])[-1:]]
    found["ease_of_learning"] = [_with_metric(row) for row in areas]
    return found


def _with_metric(row: Row) -> Row:
    return {**row, "metric": "accuracy" if "accuracy" in row else "loss"}


def over_seeds(rows: Iterable[Row], keys: Sequence[str], value: str) -> list[Row]:
    """The summary over seeds of `value`, for every combination of the keys, in order of appearance.

    A value that a run lacks is left out.

    Raises:
      UserError: a seed has two values under the same keys, which would be counted as two seeds.
    """
    found = []
    for same in grouped(keys, (row for row in rows if row.get(value) is not None)).values():
        for (seed,), own in grouped(["seed"], same).items():
            if len(own) > 1:
                many = f"Seed {seed} has more than one {value} by {', '.join(keys)}"
                raise UserError(f"{many}: {own[1]}; test that run again.")
        found.append({**{key: same[0].get(key) for key in keys}, **summary([row[value] for row in same])})
    return found
