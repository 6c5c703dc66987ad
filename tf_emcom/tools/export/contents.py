"""The contents of an export besides the modules."""

import contextlib
import importlib.metadata
import math
import os
import tempfile
from collections.abc import Iterator
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tf_emcom import files
from tf_emcom.agents.heads.prediction import PredictionHead
from tf_emcom.evaluation.results import whole_rows
from tf_emcom.runtime.evaluation_rows import of_the_run
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.training.trainee import Agents
from tf_emcom.types import Message


class Contents(NamedTuple):
    """What an export is written from."""

    agents: Agents  # with their trained weights
    metadata: dict[str, Any]  # as `describe` returns them
    documents: dict[str, str]  # file name → text of the configuration and of the run's other documents


# The file of the metadata, and a key that only this project's metadata have.
METADATA, MARK = "metadata.json", "tf_emcom"


def describe(
    agents: Agents, features: int, data: str, precision: str, step: int, run: RunFolder
) -> dict[str, Any]:
    """Sizes, origin and results of a run's agents, for JSON; its metrics and test results are those of this step."""
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
        "varied": agents.varied(),
        "shuffled": agents.is_control,
        "weights": agents.checksum(),
        "predictions": _predictions(agents),
        "labels": list(agents.labels),
        "data": data,
        "precision": precision,
        "step": step,
        "metrics": run.metrics_of(step),
        "evaluations": {
            mode: whole_rows(of_the_run([row for row in rows if row.get("step") == step]))
            for mode, rows in run.read_evaluations().items()
        },
    }


def predicts(agents: Agents) -> bool:
    """Whether their listeners predict from the message alone, instead of choosing among candidates."""
    return isinstance(agents.listener_as(0).head, PredictionHead)


def _version() -> str | None:
    try:
        return importlib.metadata.version("tf_emcom")
    except importlib.metadata.PackageNotFoundError:
        return None


def _numbers(agent: keras.Model) -> int:
    return sum(math.prod(variable.shape) for variable in agent.trainable_variables)


def _predictions(agents: Agents) -> list[int] | None:
    """The shape of listeners' prediction for one message; None where they choose."""
    if not predicts(agents):
        return None
    message = Message(tf.zeros([1, agents.speaker_as(0).message_length], tf.int32))
    return list(agents.listener_as(0).predictions(message).shape[1:])


@contextlib.contextmanager
def whole_folder(path: str, first: str, last: str) -> Iterator[str]:
    """Yields an empty local folder to write to, which then replaces the folder at `path`; UserError where it cannot.

    On a disk, this is `files.whole_folder`. Cloud storage cannot rename folders, so files are copied there: the file
    `last`, without which the export cannot be opened, is removed before anything else and written after everything
    else; the file `first`, which marks the folder as an export, is there all the time.
    """
    if not files.is_remote(path):
        with files.whole_folder(path) as new:
            yield new
        return
    with files.file_errors(path), tempfile.TemporaryDirectory(prefix="tf_emcom-export-") as new:
        yield new
        _copy(new, path, first, last)


def _copy(new: str, path: str, first: str, last: str) -> None:
    names = [os.path.relpath(os.path.join(folder, name), new) for folder, _, found in os.walk(new) for name in found]
    entry = os.path.join(path, last)
    if tf.io.gfile.exists(entry):
        tf.io.gfile.remove(entry)
    for there in [os.path.join(folder, name) for folder, _, found in tf.io.gfile.walk(path) for name in found]:
        if os.path.relpath(there, path) not in names:
            tf.io.gfile.remove(there)
    for name in sorted(names, key=lambda name: (name == last, name != first)):
        target = os.path.join(path, name)
        tf.io.gfile.makedirs(os.path.dirname(target))
        # Not all storage replaces what is copied over.
        tf.io.gfile.copy(os.path.join(new, name), f"{target}{files.NEW}", overwrite=True)
        tf.io.gfile.rename(f"{target}{files.NEW}", target, overwrite=True)
