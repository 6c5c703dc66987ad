"""Formats of exports."""

import abc
import json
import math
import os
import re
import shutil
from collections.abc import Callable

import h5py
import keras
import tensorflow as tf

from tf_emcom import files
from tf_emcom.errors import UserError
from tf_emcom.tools.export.contents import MARK, METADATA, Contents, predicts
from tf_emcom.tools.export.modules import ChoosingModule, PredictingModule
from tf_emcom.training.trained_speaker import SPEAKER_CONFIG

DOCUMENTS = (METADATA, "config.gin", SPEAKER_CONFIG)
_RESULTS = r"eval/[^/]+\.jsonl|figures/[^/]+\.png|(eval|figures)/[^/]+\.new"


class Format(abc.ABC):
    """The base class of export formats; a format's name is the class's, in lower case with underscores."""

    texts: str = ""  # the subfolder of configuration and metadata
    entry: str  # the file that readers open first; a folder without it is no export
    holds: str  # a regular expression of the paths of all files but the texts; a folder with others is not replaced
    loaded_by_tensorflow: bool = False  # whether users load it with TensorFlow, which reads some paths as patterns

    @abc.abstractmethod
    def write(self, contents: Contents, folder: str) -> None:
        """Writes everything to an empty local folder."""

    def check_place(self, out: str) -> None:
        """UserError where an export to `out` could not be used, or would replace anything but an older export.

        Results of an export's tests, which are in its folder, belong to it.
        """
        where = out if files.is_remote(out) else os.path.abspath(out)
        if self.loaded_by_tensorflow and files.is_pattern(where):
            raise UserError(
                f"TensorFlow cannot load a SavedModel from {where}, since it reads * ? [ ] and backslash as patterns;"
                " name another folder with --out."
            )
        with files.file_errors(out, "cannot be read", "look at its rights, or name another folder with --out"):
            if tf.io.gfile.exists(out) and not tf.io.gfile.isdir(out):
                raise UserError(f"{out} is a file, but an export is a folder; name another one with --out.")
            taken = tf.io.gfile.isdir(out) and tf.io.gfile.listdir(out)
            walk = [(folder, name) for folder, _, names in tf.io.gfile.walk(out) for name in names]
        there = sorted(os.path.relpath(os.path.join(*each), out) for each in walk)
        metadata = os.path.join(self.texts, METADATA)
        if taken and not (metadata in there and _has_mark(os.path.join(out, metadata))):
            raise UserError(
                f"The folder {out} holds files but no export of this format; name another one with --out, or empty it."
            )
        for name in there:
            if not self._is_ours(name):
                raise UserError(
                    f"The folder {out} holds {name}, which is no part of an export of this format; name another folder"
                    " with --out, or move that file."
                )

    def _is_ours(self, name: str) -> bool:
        folder, document = os.path.split(name)
        # Unfinished copies to cloud storage, or of a killed process.
        document = document.removesuffix(files.NEW)
        return (
            (folder == self.texts and document in DOCUMENTS)
            or os.path.join(folder, document) == files.CHECKSUMS
            or re.fullmatch(self.holds, os.path.join(folder, document)) is not None
            or re.fullmatch(_RESULTS, name) is not None
        )


def _has_mark(path: str) -> bool:
    try:
        return MARK in files.read_json(path, "")
    except UserError:
        return False


def write_texts(contents: Contents, folder: str) -> list[str]:
    """Writes the metadata and the documents to a local folder, and returns their paths."""
    texts = {METADATA: json.dumps(contents.metadata, indent=2) + "\n", **contents.documents}
    for name, text in texts.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
    return [os.path.join(folder, name) for name in texts]


# At most: bytes of a number, and bytes that HDF5 writes around each array.
_MOST_BYTES, _MOST_AROUND = 8, 8192


class Keras(Format):
    """A file of Keras weights for each agent, for `load_weights` of an agent of the same architecture.

    Files are `speaker-<i>.weights.h5` and `listener-<j>.weights.h5`; `speaker.json` and `listener.json` hold the
    architecture, for `from_config`.
    """

    entry = "config.gin"
    holds = r"(speaker|listener)(-\d+\.weights\.h5|\.json)"

    def write(self, contents: Contents, folder: str) -> None:
        """Writes the files; UserError where Keras does not write all weights."""
        agents = contents.agents
        _write("speaker", agents.speakers, agents.speaker_as, folder)
        _write("listener", agents.listeners, agents.listener_as, folder)
        write_texts(contents, folder)


def _write(kind: str, count: int, agent_as: Callable[[int], keras.Model], folder: str) -> None:
    for index in range(count):
        agent, path = agent_as(index), os.path.join(folder, f"{kind}-{index}.weights.h5")
        _require_space(path, agent)
        agent.save_weights(path)
        written, needed = _arrays(path), len(agent.trainable_variables)
        # Keras finds layers by a model's attributes, and does not report those that it misses.
        if written < needed:
            raise UserError(
                f"Keras wrote {written} of the {needed} weights of a {kind}, because it does not find all of its"
                " layers; leave --format=keras out: a SavedModel holds all of them."
            )
    with open(os.path.join(folder, f"{kind}.json"), "w", encoding="utf-8") as file:
        json.dump(agent.get_config(), file, indent=2)


def _require_space(path: str, agent: keras.Model) -> None:
    """OSError where the disk has no space for a file of weights; HDF5 would print errors and end the process."""
    size = sum(_MOST_AROUND + math.prod(variable.shape) * _MOST_BYTES for variable in agent.weights)
    with open(path, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, _MOST_AROUND + size)


def _arrays(path: str) -> int:
    found: list[str] = []
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return len(found)


class SavedModel(Format):
    """A SavedModel with the signatures `speak`, `listen`, `play` and `metadata`, and the pieces that tests need."""

    texts = "assets"
    entry = "saved_model.pb"
    holds = r"saved_model\.pb|fingerprint\.pb|variables/variables\.(index|data-\d{5}-of-\d{5})"
    loaded_by_tensorflow = True

    def write(self, contents: Contents, folder: str) -> None:
        """Traces every function and saves it with all weights; texts become assets."""
        module_cls = PredictingModule if predicts(contents.agents) else ChoosingModule
        # TensorFlow copies assets, so they are first written to another folder.
        scratch = os.path.join(folder, "texts")
        os.makedirs(scratch)
        module = module_cls(contents.agents, contents.metadata, write_texts(contents, scratch))
        tf.saved_model.save(module, folder, signatures=module.signatures)
        shutil.rmtree(scratch)
