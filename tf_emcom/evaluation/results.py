"""Rows of results, means over agents, and tables."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from tf_emcom.errors import UserError, require_integer, require_number
from tf_emcom.evaluation.metrics.success import SuccessRate, Wins
from tf_emcom.training.trainee import Trainee

Row = dict[str, Any]


def deviation(values: Iterable[float]) -> float | None:
    """The standard deviation of a sample, divided by n − 1; None for fewer than two values."""
    found = list(values)
    return float(np.std(found, ddof=1)) if len(found) > 1 else None


def averages(rows: Sequence[Row], keys: Sequence[str], value: str) -> list[Row]:
    """Means over speakers: a line for each combination of the keys, with what else the first speaker's has.

    It has the mean as `value`, the `deviation` between speakers, and says of how many `speakers` it is the average;
    mean and deviation are None where the value is undefined for any of them.
    """
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(key) for key in keys), []).append(row)
    return [_average(group, value) for group in groups.values()]


def _average(rows: Sequence[Row], value: str) -> Row:
    shared = {key: kept for key, kept in rows[0].items() if key not in ("speaker", "training_seed")}
    values = [row[value] for row in rows]
    defined = None not in values
    return {
        **shared,
        "ensemble": "average",
        "speakers": len(rows),
        value: float(np.mean(values)) if defined else None,
        "deviation": deviation(values) if defined else None,
    }


_LEAST_WIDTH = 11  # of a column


def accuracy_table(rows: Sequence[dict[str, Any]], down: Sequence[str], across: str) -> str:
    """One line for each combination of `down`, one column for each value of `across`.

    Args:
      rows: each with these labels, and `accuracy`; where there is a `deviation` and no `ensemble`, it is told too.
      down: labels.
      across: a label whose values are numbers.
    """
    words = across.replace("_", " ")
    cells = [_cell(row) for row in rows]
    width = max(_LEAST_WIDTH, *map(len, cells))
    heads = [f"{words} {value:g}".ljust(width) for value in dict.fromkeys(row[across] for row in rows)]
    widths = [max(len(key), *(len(_text(row[key])) for row in rows)) for key in down]
    titles = [key.replace("_", " ").ljust(size) for key, size in zip(down, widths, strict=True)]
    lines = ["  ".join([*titles, *heads]).rstrip()]
    for place in dict.fromkeys(tuple(row[key] for key in down) for row in rows):
        first = [_text(value).rjust(size) for value, size in zip(place, widths, strict=True)]
        found = [cell for cell, row in zip(cells, rows, strict=True) if tuple(row[key] for key in down) == place]
        numbers = [cell.ljust(len(head)) for cell, head in zip(found, heads, strict=True)]
        lines.append("  ".join([*first, *numbers]).rstrip())
    return "\n".join(lines)


def _cell(row: dict[str, Any]) -> str:
    # Between the pairs of a population it would be taken for that between runs.
    spread = f" ± {row['deviation']:.3f}" if "deviation" in row and "ensemble" not in row else ""
    return f"{row['accuracy']:.3f}{spread}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def listed(name: str, values: Any, example: str) -> Sequence[Any]:
    """The values, if they are a list with something in it; UserError, with an example, otherwise."""
    if not isinstance(values, list | tuple) or not values:
        raise UserError(f"{name} is {values!r}; bind it to a list of numbers, as in {example}.")
    return values


def probabilities(name: str, values: Sequence[float]) -> list[float]:
    """A list of noises, each once; UserError where one is no probability."""
    for value in listed(name, values, "[0.0, 0.5]"):
        require_number(name, value, 0, 1, "each is a channel's noise, a probability")
    return [float(value) for value in dict.fromkeys(values)]


def numbers_of_candidates(name: str, values: Sequence[int]) -> list[int]:
    """A list of numbers of candidates, each once; UserError where one is none."""
    for value in listed(name, values, "[16, 64]"):
        require_integer(name, value, 2, "each is a number of candidates to choose from")
    return list(dict.fromkeys(values))


def within(name: str, candidates: Sequence[int], examples: int, split: str) -> list[int]:
    """The numbers of candidates that a split has; one that is larger is skipped, and said so.

    Raises:
      UserError: all of them are larger.
    """
    for count in candidates:
        if count > examples:
            print(f"Skipped {count} candidates: the {split} split has {examples} examples.")
    counts = [count for count in candidates if count <= examples]
    if not counts:
        raise UserError(
            f"Every number of candidates in {list(candidates)} is larger than the {split} split, which has {examples}"
            f" examples; bind {name} to smaller ones."
        )
    return counts


class Games(Protocol):
    """What is asked of an evaluator: who played with whom."""

    pairs: list[tuple[int, int]]
    speakers: list[int]


class Team(NamedTuple):
    """Who played, and how many games each member won.

    Attributes:
      labels: how lines of results name it.
      won: int64 [members, K, P], with K numbers of candidates under P conditions.
      effects: float64 [K, Q], the design effect of all games of each of Q cells, for the mean over the members.
    """

    labels: Row
    won: np.ndarray
    effects: np.ndarray


def teams(agents: Trainee, evaluator: Games, wins: Wins) -> Iterator[Team]:
    """Every pair by itself; of a population then the mean of all pairs, and the votes of all listeners.

    A pair has the labels `speaker` and `listener`, and where pairs are independent `training_seed`. All others have
    the label `ensemble`: "average", or "vote", which is told for each `speaker` and as the mean over all of them; what
    is told of the whole population has no `speaker`, but the numbers of `speakers` and `listeners` in it.
    """
    seeds = agents.seeds() if agents.independent else None
    for place, (speaker, listener) in enumerate(evaluator.pairs):
        of_run = {} if seeds is None else {"training_seed": seeds[speaker]}
        labels = {"speaker": speaker, "listener": listener, **of_run}
        yield Team(labels, wins.pairs[place : place + 1], wins.pair_effects[place])
    if seeds is None and len(evaluator.pairs) > 1:
        listeners = len(evaluator.pairs) // len(evaluator.speakers)
        everyone = {"speakers": len(evaluator.speakers), "listeners": listeners}
        yield Team({"ensemble": "average", **everyone}, wins.pairs, wins.mean_effects[0])
        for place, speaker in enumerate(evaluator.speakers):
            labels = {"ensemble": "vote", "speaker": speaker, "listeners": listeners}
            yield Team(labels, wins.votes[place : place + 1], wins.vote_effects[place])
        yield Team({"ensemble": "vote", **everyone}, wins.votes, wins.mean_effects[1])


def result(won: np.ndarray, games: int, inputs: int, effect: float) -> Row:
    """What a line of results says of members who won so many games, [members].

    Args:
      won: by each member.
      games: how many each of them played.
      inputs: how many inputs these are about.
      effect: their design effect.
    """
    rate = SuccessRate(float(won.mean()), games, float(effect))
    spread = {"deviation": deviation(won / games)} if len(won) > 1 else {}
    return {"accuracy": rate.accuracy, **spread, "interval": list(rate.interval), "games": games, "inputs": inputs}


def of_the_whole(rows: Sequence[Row], keys: Sequence[str]) -> list[Row]:
    """The lines that stand for the whole run: those of one pair, of a population, or the means over independent pairs.

    Args:
      rows: all lines of a test.
      keys: what tells one cell of the test from the others.

    Returns:
      Lines with keys, `accuracy`, `interval` and, where they are about more than one pair, `deviation`. The interval
      of a mean over independent pairs is the mean ± the deviation between them.
    """
    ensembles = [row for row in rows if "ensemble" in row and "speaker" not in row]
    if ensembles:
        return ensembles
    if len({(row["speaker"], row["listener"]) for row in rows}) == 1:
        return list(rows)
    return list(_over_pairs(rows, keys))


def _over_pairs(rows: Sequence[Row], keys: Sequence[str]) -> Iterator[Row]:
    cells: dict[tuple, list[float]] = {}
    for row in rows:
        cells.setdefault(tuple(row[key] for key in keys), []).append(row["accuracy"])
    for cell, accuracies in cells.items():
        mean, spread = float(np.mean(accuracies)), deviation(accuracies)
        yield {
            **dict(zip(keys, cell, strict=True)),
            "accuracy": mean,
            "interval": [mean - spread, mean + spread],
            "deviation": spread,
        }
