"""Whose accuracies a test tells: pairs of agents, and what a population makes of them."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from tf_emcom.corpora.averages import deviation
from tf_emcom.metrics.success_rate import SuccessRate
from tf_emcom.metrics.wins import Wins
from tf_emcom.trainee import Trainee

Row = dict[str, Any]


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
