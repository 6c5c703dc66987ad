"""What an export holds, beside the modules."""

import contextlib
import importlib.metadata
import math
import os
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tf_emcom import files
from tf_emcom.agents.heads.prediction import PredictionHead
from tf_emcom.evaluation.results import whole_rows
from tf_emcom.runtime.evaluation_rows import of_the_run
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.training.trainee import Trainee
from tf_emcom.types import Message


class Contents(NamedTuple):
    """What there is to write down.

    Attributes:
      agents: with their trained weights.
      metadata: what `tf_emcom.export.metadata` tells of them.
      documents: file name → text: the configuration, and what else their run's folder keeps beside it.
    """

    agents: Trainee
    metadata: dict[str, Any]
    documents: dict[str, str]


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
    """The rows of a test at a step about all agents."""
    return whole_rows(of_the_run([row for row in rows if row.get("step") == step]))


@contextlib.contextmanager
def whole_folder(path: str, first: str, last: str) -> Iterator[str]:
    """Within it, an empty local folder to write to; behind it, that folder is at `path`, in place of what was there.

    On a disk, this is `files.whole_folder`. Cloud storage renames object by object, so there files are copied: what was
    there loses its file `last` before anything, and the new one arrives when all else is there.

    Args:
      path: where to, local or on cloud storage.
      first: the file by which what is there is known to be an export; it is there all the time.
      last: the file without which nobody can open it.

    Raises:
      UserError: it cannot be written.
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
    for folder, _, found in tf.io.gfile.walk(path):
        for there in (os.path.join(folder, name) for name in found):
            if os.path.relpath(there, path) not in names:
                tf.io.gfile.remove(there)
    for name in sorted(names, key=lambda name: (name == last, name != first)):
        target = os.path.join(path, name)
        tf.io.gfile.makedirs(os.path.dirname(target))
        # Not all storage replaces what is copied over.
        tf.io.gfile.copy(os.path.join(new, name), f"{target}.new", overwrite=True)
        tf.io.gfile.rename(f"{target}.new", target, overwrite=True)
