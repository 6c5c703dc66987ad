"""What the speakers of a run say, and means over what is measured of each."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tf_emcom.experiment import Experiment
from tf_emcom.modes.teams import deviation
from tf_emcom.trainee import Trainee
from tf_emcom.transcriber import Transcriber

Row = dict[str, Any]


def spoken(experiment: Experiment, inputs: np.ndarray) -> dict[int, np.ndarray]:
    """The greedy messages of each speaker that is tested about inputs [N, F]: speaker → int32 [N, T]."""
    agents = experiment.learner
    found = {}
    transcriber = None
    for speaker in agents.audiences():
        model = agents.speaker_as(speaker)
        # One model, in which the speakers take turns, and so one trace.
        transcriber = transcriber or Transcriber(model, experiment.distribution.jit_compile)
        found[speaker] = transcriber.messages(inputs)
    return found


def labels_of(agents: Trainee, speaker: int) -> Row:
    """How lines of results name a speaker; where pairs are independent, with the seed of its training."""
    return {"speaker": speaker, **({"training_seed": agents.seeds()[speaker]} if agents.independent else {})}


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
