"""What the runs of a grid measured, and its summaries over seeds."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tf_emcom import files
from tf_emcom.errors import UserError
from tf_emcom.evaluation.results import whole_rows
from tf_emcom.runtime.evaluation_rows import grouped, of_the_run
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.schedules import in_words
from tf_emcom.tools.reproduce.grid import Cell
from tf_emcom.tools.reproduce.kinds import KINDS
from tf_emcom.tools.reproduce.statistics import summary

Row = dict[str, Any]

SILENT = "without message"  # in place of a speaker
BEST = ", best"  # behind the name of a game: its best seed on the validation split
VOTE = ", vote"  # behind the name of a population


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
    if row.get("varied") and "game" in labels:
        labels["game"] = _of_setting(cell, row["varied"])
    if row.get("ensemble") == "vote" and "game" in labels:
        labels["game"] = f"{labels['game']}{VOTE}"
    if "training_seed" in row:
        # Results are averaged over the seeds of training, not of the test; each independent pair has its own.
        labels["seed"] = row["training_seed"]
    return labels


def measured(
    runs: str,
    games: Sequence[Cell],
    transfers: Sequence[Cell],
    further: Mapping[str, str] | None = None,
    best_of: Sequence[str] = (),
) -> dict[str, list[Row]]:
    """The rows of all tests, by the names of their tables; `further` tests of a name ↦ their modes.

    Rows of "transfer", "top5" and "ease_of_learning" have the field `metric`, "accuracy", "top5" or "loss"; what is
    reached "without message" is there as that of another speaker. They are means over the speakers of a run and over
    the new listeners. Rows of "training" have the last `accuracy` that was logged, those of "robustness" the `drop` of
    accuracy by input noise, those of "by_attribute" the `attribute`. The games in `best_of` have their best seed as
    another game.

    Raises:
      UserError: as for `results`.
    """
    modes = {**{mode: mode for mode in KINDS}, **(further or {})}
    found = {
        name: results(runs, games, name if name == mode else f"{mode}.{name}", KINDS[mode].numbers, KINDS[mode].texts)
        for name, mode in modes.items()
    }
    best = {game: seed for game in best_of if (seed := _best_seed(runs, games, game)) is not None}
    for rows in found.values():
        chosen = [row for row in rows if best.get(row["game"], ...) == row["seed"]]
        rows += [{**row, "game": f"{row['game']}{BEST}", "chosen": True} for row in chosen]
    found["robustness"] = [*_drops(found["testinput"])]
    curves = training_curves(runs, games, RunFolder.read_metrics)
    found["training"] = [of_run[-1] for of_run in grouped(("game", "seed"), curves).values()]
    heard = _over_agents([_with_metric(row) for row in results(runs, transfers, "test", ["without_message"])])
    found["transfer"] = _with_silence(heard, "without_message")
    top5 = [{**row, "metric": "top5"} for row in heard if "top5" in row]
    found["top5"] = _with_silence(top5, "without_message_top5")
    at_labels = [
        {**row, "attribute": name, **at_label} for row in heard for name, at_label in row.get("by_label", {}).items()
    ]
    found["by_attribute"] = _with_silence(at_labels, "without_message")
    areas = [row for cell in transfers for row in results(runs, [cell], "ease_of_learning", ["area"])[-1:]]
    # Runs that ended at other steps are means of their own.
    found["ease_of_learning"] = _over_agents([_with_metric(row) for row in areas])
    return found


def learning_curves(runs: str, transfers: Sequence[Cell]) -> list[Row]:
    """The `value`, accuracy or loss, of new listeners by `step`, means over the speakers of a run and the listeners."""
    rows = _over_agents(results(runs, transfers, "ease_of_learning", ["step"]))
    return [{**row, "value": row.get("accuracy", row.get("loss"))} for row in rows]


_MOST_STEPS = 100  # of a curve


def training_curves(runs: str, games: Sequence[Cell], read: Callable[[RunFolder], list[Row]]) -> list[Row]:
    """The `accuracy` of games by `step` in what a run keeps of its steps, such as `RunFolder.read_metrics`."""
    found = []
    for cell in games:
        rows = [row for row in read(RunFolder(str(Path(runs) / cell.name))) if "accuracy" in row]
        # The last line is always there.
        for row in rows[::-1][:: math.ceil(len(rows) / _MOST_STEPS) or 1][::-1]:
            for (game, seed), accuracy in _by_run(cell, row, "accuracy").items():
                found.append({**cell.labels, "game": game, "seed": seed, "step": row["step"], "accuracy": accuracy})
    return found


def _of_setting(cell: Cell, varied: Mapping[str, float]) -> str:
    """What tables call a game, or one setting of it where numbers vary."""
    return ", ".join(filter(None, (str(cell.labels["game"]), in_words(varied))))


def _by_run(cell: Cell, row: Row, value: str) -> dict[tuple[str, int], Any]:
    """(Game, seed) ↦ value in a line about a step; of several runs in one program, each has its own."""
    values = row.get("by_seed", {}).get(value, [row.get(value)])
    games = [_of_setting(cell, varied) for varied in row.get("varied", [{} for _ in values])]
    seeds = [int(cell.labels["seed"]) + games[:i].count(game) for i, game in enumerate(games)]
    return dict(zip(zip(games, seeds, strict=True), values, strict=True))


def _best_seed(runs: str, cells: Sequence[Cell], game: str) -> int | None:
    """The seed of a game whose listener loss on the validation split fell lowest; None where nothing was validated."""
    losses: dict[int, float] = {}
    for cell in cells:
        for row in RunFolder(str(Path(runs) / cell.name)).read_validation():
            for (name, seed), loss in _by_run(cell, row, "listener_loss").items():
                if name == game:
                    losses[seed] = min(losses.get(seed, math.inf), math.inf if loss is None else loss)
    return min(losses, key=losses.__getitem__, default=None)


def _drops(rows: Iterable[Row]) -> Iterator[Row]:
    """Each row with input noise, and how much lower its accuracy is than that without, as `drop`."""
    same = ("game", "seed", "candidates", "noise", "views")
    for of_game in grouped(same, rows).values():
        clear = [row["accuracy"] for row in of_game if row["input_noise"] == 0]
        for row in of_game:
            if row["input_noise"] and len(clear) == 1 and None not in (clear[0], row["accuracy"]):
                yield {**row, "drop": clear[0] - row["accuracy"]}


_AGENTS = ("speaker_index", "new_listener")  # labels of transfers by which one seed has several runs
_CELL = ("task", "speaker", "seed", "candidates", "noise", "input_noise", "metric", "step")


def _over_agents(rows: Sequence[Row]) -> list[Row]:
    """Means over the speakers of a run and over new listeners; rows without such labels as they are."""
    found = []
    for same in grouped(_CELL, rows).values():
        different = {tuple(row.get(label) for label in _AGENTS) for row in same}
        # What one run measured twice is for `over_seeds` to refuse.
        is_one = 1 < len(different) == len(same)
        found += [{**_mean(same), "runs": len(same)}] if is_one else same
    return found


def _mean(rows: Sequence[Row]) -> Row:
    """The first row, with the means of what is a fraction in all of them, also of such in a dictionary."""
    first = {key: value for key, value in rows[0].items() if key not in _AGENTS}
    for key in first.keys() - set(_CELL):
        values = [row.get(key) for row in rows]
        if all(isinstance(each, dict) and each.keys() == values[0].keys() for each in values):
            first[key] = _mean(values)
        elif all(isinstance(each, float) for each in values):
            first[key] = math.fsum(values) / len(values)
    return first


def _with_silence(rows: list[Row], without: str) -> list[Row]:
    # It is the same for all speakers, so one of them is enough.
    of_one = [row for row in rows if row["speaker"] == rows[0]["speaker"]]
    return [*rows, *({**row, "speaker": SILENT, row["metric"]: row[without]} for row in of_one)]


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
