"""Rows of results, means over agents, and text tables."""

import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tf_emcom.checks import Highest, Least, Share, checked_value
from tf_emcom.data.source import Examples
from tf_emcom.errors import UserError
from tf_emcom.evaluation.evaluator import Condition, Evaluator
from tf_emcom.evaluation.metrics.success import SuccessRate, Wins
from tf_emcom.games.channels import Channel
from tf_emcom.runtime.evaluation_rows import Row, grouped
from tf_emcom.schedules import in_words
from tf_emcom.training.trainee import Agents


def result_row(*parts: Mapping[str, Any], whole: bool) -> Row:
    """A row of eval/<mode>.jsonl: the fields of all parts, in this order, then `whole`.

    That is whether it is about all agents of the run: about its only pair, one of its independent pairs, or its
    population. Every mode has some of these fields, and may have others; `RunFolder.write_evaluation` adds `weights`.
    What was measured: mode, task, step, split, data (where it is not the run's), channel, candidates, noise,
    input_noise (standard deviations of the features), views, erased (symbols), meaning, distance, measure, attributes,
    position, symbol, seed. Of which agents: speaker, other_speaker, listener, training_seed and varied (name ↦ number;
    both of an independent pair), ensemble ("average" or "vote"), speakers, listeners, pairs. What was found: accuracy,
    topsim or value, deviation (of a sample, n − 1), interval (95 %), intervals, without_message, by_label (of each
    label, by its name), games, inputs, messages, passes.
    """
    return {key: value for part in (*parts, {"whole": whole}) for key, value in part.items()}


def whole_rows(rows: Iterable[Row]) -> list[Row]:
    """The rows about all agents of a run: of independent pairs one for each pair, of populations average and vote.

    Rows that were written before they had the field `whole` are recognized by their other fields.
    """
    rows = [each for each in rows if each.get("whole", "position" not in each)]
    ensembles = any(map(_is_of_an_ensemble, rows))
    return [each for each in rows if each.get("whole", not ensembles or _is_of_an_ensemble(each))]


def _is_of_an_ensemble(row: Row) -> bool:
    return "ensemble" in row and "speaker" not in row


def by_agents(rows: Iterable[Row], keys: Sequence[str], value: str) -> dict[str, list[Row]]:
    """The rows of a test about all agents of a run, with means over its independent pairs.

    The `keys` are the fields that distinguish the cells of the test, `value` is the field of what was measured.

    Returns:
      "" ↦ the rows of the only pair, or means over independent pairs with the `deviation` between them, mean ±
      deviation as their `interval`, and the number of `pairs`; where numbers vary, such as "noise 0.25" ↦ the rows of
      each setting instead; of a population "average" ↦ rows, and "vote" ↦ rows if its listeners vote.
    """
    found: dict[str, list[Row]] = {}
    for each in whole_rows(rows):
        found.setdefault(each.get("ensemble", in_words(each.get("varied", {}))), []).append(each)
    for name, pairs in found.items():
        several = len({(each.get("speaker"), each.get("listener")) for each in pairs}) > 1
        if several and "ensemble" not in pairs[0]:
            found[name] = [_mean_of_pairs(cell, value) for cell in grouped(keys, pairs).values()]
    return found


def apart(rows: Sequence[Row]) -> list[str]:
    """The fields by which rows `of_the_whole` are of different agents: of ensembles, or of runs whose numbers vary."""
    return [key for key in ("ensemble", "varied") if key in rows[0]]


def of_the_whole(rows: Iterable[Row], keys: Sequence[str]) -> list[Row]:
    """The accuracies of all agents of a run, one below the other, as `by_agents` finds them."""
    return [each for found in by_agents(rows, keys, "accuracy").values() for each in found]


def _mean_of_pairs(rows: list[Row], value: str) -> Row:
    shared, mean, spread = _mean(rows, value, "listener", "games", "interval")
    found: Row = {value: mean, "deviation": spread}
    if mean is not None:
        spread = spread or 0.0
        found = {value: mean, "deviation": spread, "interval": [mean - spread, mean + spread]}
    return result_row(shared, found, {"pairs": len(rows)}, whole=True)


def evaluate(
    agents: Agents,
    examples: Examples,
    candidates: int = 16,
    noise: float = 0.0,
    passes: int = 5,
    seed: int = 42,
    channel: Channel | None = None,
) -> Row:
    """The accuracy of greedy agents on examples, as the test `testchannel` measures it.

    Each of N inputs is the right one of a game with C = `candidates`, in each of some shuffled `passes`. The channel is
    that of the game, or Erasure where that is clear, and has the `noise`, in [0, 1]. The row has `accuracy`, its 95 %
    `interval`, and the numbers of `games` and `inputs`; of a population it is the average over all pairs, of several
    independent pairs their mean, with its `deviation` (n − 1). UserError where their numbers vary.
    """
    if settings := list(dict.fromkeys(map(in_words, filter(None, agents.varied())))):
        raise UserError(
            f"These agents are of {len(settings)} settings ({settings[0]} to {settings[-1]}), which have no accuracy in"
            " common; test the run with tf-emcom evaluate --mode=testchannel, which has a row for each."
        )
    task = agents.game.task
    if task.answer is None:
        raise UserError(f"Listeners of {type(task).__name__} give no answers that could be right or wrong.")
    noise = checked_value("noise", noise, Share)
    candidates = checked_value("candidates", candidates, Annotated[int, Least(2), Highest(len(examples.inputs))])
    inputs, labels = agents.prepare(np.asarray(examples.inputs), dict(examples.labels), "that is tested on")
    channel = (channel or agents.game.channel).with_noise(0.0)
    evaluator = Evaluator(agents, inputs, False, channel, task.answer, labels)
    wins = evaluator.successes([candidates], [Condition(noise)], passes, seed, "given")
    games, played = int(wins.games[0]), int(wins.inputs[0])
    common = {"channel": type(channel).__name__, "candidates": candidates, "noise": noise}
    rows = [
        result_row(common, team.labels, result(team.won[:, 0, 0], games, played, team.effects[0, 0]), whole=team.whole)
        for team in teams(agents, evaluator, wins)
    ]
    return of_the_whole(rows, ["candidates", "noise"])[0]


def averages(rows: Sequence[Row], keys: Sequence[str], value: str) -> list[Row]:
    """Means over speakers: a row for each combination of the keys, with the first speaker's other fields.

    It has the mean as `value`, the `deviation` between speakers, and the number of `speakers`; mean and deviation are
    None where the value is undefined for any of them.
    """
    found = []
    for cell in grouped(keys, rows).values():
        shared, mean, spread = _mean(cell, value)
        who = {"ensemble": "average", "speakers": len(cell)}
        found.append(result_row(shared, who, {value: mean, "deviation": spread}, whole=True))
    return found


def _mean(rows: list[Row], value: str, *apart: str) -> tuple[Row, float | None, float | None]:
    """The first row's fields that are about no single speaker, mean, and deviation; None where a value is undefined."""
    shared = {key: kept for key, kept in rows[0].items() if key not in ("speaker", "training_seed", "whole", *apart)}
    values = [each[value] for each in rows]
    return (shared, None, None) if None in values else (shared, float(np.mean(values)), deviation(values))


def deviation(values: Iterable[float]) -> float | None:
    """The standard deviation of a sample, divided by n − 1; None for fewer than two values."""
    found = list(values)
    return float(np.std(found, ddof=1)) if len(found) > 1 else None


def text_table(heads: Sequence[str], rows: Iterable[Sequence[str]], left: Collection[str] = (), least: int = 0) -> str:
    """A table in plain text, two spaces between its columns; it is the same on every terminal and in every file.

    Columns whose heads are in `left` begin on the left and have the width `least` or more; all others end on the right.
    """
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for head in heads:
        column = {"justify": "left", "min_width": least} if head in left else {"justify": "right"}
        table.add_column(Text(head), no_wrap=True, **column)
    return _text_of(table, rows)


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, its columns as wide as their cells."""
    table = Table(box=box.MARKDOWN)
    for head in heads:
        table.add_column(Text(head), no_wrap=True)
    return _text_of(table, rows)


_WIDEST = 100_000  # characters, so that no line is wrapped


def _text_of(table: Table, rows: Iterable[Sequence[str]]) -> str:
    for cells in rows:
        table.add_row(*map(Text, cells))
    file = io.StringIO()
    Console(file=file, width=_WIDEST, color_system=None, force_terminal=False, force_jupyter=False).print(table)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()).strip("\n")


_LEAST_WIDTH = 11  # of a column of accuracies


def accuracy_table(rows: Sequence[Row], down: Sequence[str], across: str) -> str:
    """One line for each combination of the fields `down`, one column for each number under `across`.

    For means over independent `pairs`, ± their deviation is shown; between the pairs of a population it would be
    mistaken for that between runs.
    """
    heads = {value: f"{across.replace('_', ' ')} {value:g}" for value in dict.fromkeys(each[across] for each in rows)}
    lines = []
    for cell in grouped(down, rows).values():
        spreads = [f" ± {row['deviation']:.3f}" if "pairs" in row else "" for row in cell]
        found = {row[across]: f"{row['accuracy']:.3f}{spread}" for row, spread in zip(cell, spreads, strict=True)}
        known = (cell[0][key] for key in down)
        down_cells = [_text(value) for value in known]
        lines.append([*down_cells, *(found.get(value, "") for value in heads)])
    titles = [key.replace("_", " ") for key in down]
    return text_table([*titles, *heads.values()], lines, left=[*heads.values()], least=_LEAST_WIDTH)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return in_words(value)
    return value if isinstance(value, str) else f"{value:g}"


class Team(NamedTuple):
    """Who played, and how many games each member won."""

    labels: dict[str, Any]  # its fields in rows of results
    won: np.ndarray  # int64 [members, K, P], with K numbers of candidates under P conditions
    effects: np.ndarray  # float64 [K, Q], the design effect of all games of each cell, for the mean over the members
    whole: bool  # whether these are all agents of the run, or one of its independent pairs


def teams(agents: Agents, evaluator: Evaluator, wins: Wins) -> Iterator[Team]:
    """Every pair by itself; of a population then the mean of all pairs, and the votes of all listeners.

    All but pairs have the label `ensemble`: "average", or "vote", for each `speaker` and as the mean over all of them.
    Those about the whole population have no `speaker`, but the numbers of `speakers` and `listeners` in it.
    """
    population = not agents.independent and len(evaluator.pairs) > 1
    effects = wins.effects[:, :-1].reshape(-1, *wins.effects.shape[2:])
    for place, (speaker, listener) in enumerate(evaluator.pairs):
        labels = {"speaker": speaker, "listener": listener, **agents.named_run(speaker)}
        yield Team(labels, wins.pairs[place : place + 1], effects[place], whole=not population)
    if population:
        listeners = len(evaluator.pairs) // len(evaluator.speakers)
        everyone = {"speakers": len(evaluator.speakers), "listeners": listeners}
        yield Team({"ensemble": "average", **everyone}, wins.pairs, wins.mean_effects[0], whole=True)
        for place, speaker in enumerate(evaluator.speakers):
            labels = {"ensemble": "vote", "speaker": speaker, "listeners": listeners}
            yield Team(labels, wins.votes[place : place + 1], wins.effects[place, -1], whole=False)
        yield Team({"ensemble": "vote", **everyone}, wins.votes, wins.mean_effects[1], whole=True)


def result(won: np.ndarray, games: int, inputs: int, effect: float) -> dict[str, Any]:
    """The fields of a row about members who won so many games, [members], of the `games` that each of them played.

    These are about so many `inputs` and have the design effect `effect`.
    """
    rate = SuccessRate(float(won.mean()), games, float(effect))
    spread = {"deviation": deviation(won / games)} if len(won) > 1 else {}
    return {"accuracy": rate.accuracy, **spread, "interval": list(rate.interval), "games": games, "inputs": inputs}


