"""What an export tells of its agents."""

import importlib.metadata
import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tf_emcom.heads.transfer.prediction_head import PredictionHead
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.trainee import Trainee
from tf_emcom.types import Message

# The file that holds it, as JSON.
METADATA = "metadata.json"

# By it, a file of that name is known to be this project's.
MARK = "tf_emcom"


def describe(
    agents: Trainee, features: int, data: str, precision: str, step: int, run: RunFolder
) -> dict[str, Any]:
    """Sizes, origin and results of agents, as JSON can hold them.

    Args:
      agents: whose.
      features: F.
      data: the name of the data set that they learnt from.
      precision: what they compute in.
      step: of their training.
      run: their folder, whose metrics are told, and what tests have found at this very step.
    """
    speaker, listener = agents.speaker_as(0), agents.listener_as(0)
    return {
        MARK: _version(),
        "tensorflow": tf.__version__,
        "vocabulary_size": speaker.vocab_size,
        "message_length": speaker.message_length,
        "unknown_symbol": speaker.vocab_size,
        "grammar": {"name": type(speaker.grammar).__name__, **vars(speaker.grammar)},
        "features": features,
        "speakers": agents.speakers,
        "listeners": agents.listeners,
        "weights_of_a_speaker": _numbers(speaker),
        "weights_of_a_listener": _numbers(listener),
        "independent": agents.independent,
        "seeds": list(agents.seeds()),
        # Two inputs are enough to be asked about.
        "shuffled": agents.subjects(2) is not None,
        "predictions": _predictions(agents),
        "labels": list(agents.labels),
        "data": data,
        "precision": precision,
        "step": step,
        "metrics": run.metrics_of(step),
        "evaluations": {mode: _of_all(rows, step) for mode, rows in run.read_evaluations().items()},
    }


def predicts(agents: Trainee) -> bool:
    """Whether their listeners predict from the message alone, instead of choosing among candidates."""
    return isinstance(agents.listener_as(0).head, PredictionHead)


def _version() -> str | None:
    """Ours; None where the library is used without having been installed."""
    try:
        return importlib.metadata.version("tf_emcom")
    except importlib.metadata.PackageNotFoundError:
        return None


def _numbers(agent: keras.Model) -> int:
    return sum(math.prod(variable.shape) for variable in agent.trainable_variables)


def _predictions(agents: Trainee) -> list[int] | None:
    """The shape of what listeners predict of one message; None where they choose."""
    if not predicts(agents):
        return None
    silence = Message(tf.zeros([1, agents.speaker_as(0).message_length], tf.int32))
    return list(agents.listener_as(0).predictions(silence).shape[1:])


def _of_all(rows: Sequence[dict[str, Any]], step: int) -> list[dict[str, Any]]:
    """The lines of a test at a step; of a population's, those about all of its agents."""
    found = [row for row in rows if row.get("step") == step and "position" not in row]
    ensembles = [row for row in found if "ensemble" in row and "speaker" not in row]
    return ensembles or found
