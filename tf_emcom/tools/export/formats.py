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
from tf_emcom.tools.export.contents import METADATA, Contents, predicts
from tf_emcom.tools.export.modules import ChoosingModule, PredictingModule
from tf_emcom.training.trained_speaker import SPEAKER_CONFIG

DOCUMENTS = (METADATA, "config.gin", SPEAKER_CONFIG)
_RESULTS = r"eval/[^/]+\.jsonl|figures/[^/]+\.png|(eval|figures)/[^/]+\.new"


class Format(abc.ABC):
    """How agents are written to a folder; its name is the class's, in lower case with underscores.

    Attributes:
      texts: the folder, within that one, of configuration and metadata.
      entry: the file that readers open first: the folder is no export before it is there.
      holds: a regular expression of the paths of its files, beside its texts: a folder with others is left alone.
      loaded_by_tensorflow: whether users load it with TensorFlow, which takes some paths for patterns.
    """

    texts: str = ""
    entry: str
    holds: str
    loaded_by_tensorflow: bool = False

    @abc.abstractmethod
    def write(self, contents: Contents, folder: str) -> None:
        """Writes everything to an empty local folder."""

    def check_place(self, out: str) -> None:
        """UserError where an export to `out` could not be used, or would take the place of anything but an export.

        Results of tests of an export, which lie beside it, are a part of it.
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
            there = {
                os.path.relpath(os.path.join(folder, name), out)
                for folder, _, names in tf.io.gfile.walk(out)
                for name in names
            }
        if taken and os.path.join(self.texts, METADATA) not in there:
            raise UserError(
                f"The folder {out} holds files but no export of this format; name another one with --out, or empty it."
            )
        for name in sorted(there):
            if not self._is_ours(name):
                raise UserError(
                    f"The folder {out} holds {name}, which is no part of an export of this format; name another folder"
                    " with --out, or move that file."
                )

    def _is_ours(self, name: str) -> bool:
        folder, document = os.path.split(name)
        # Cloud storage, and a kill, leave what was on its way under another name.
        document = document.removesuffix(files.NEW)
        return (
            (folder == self.texts and document in DOCUMENTS)
            or os.path.join(folder, document) == files.CHECKSUMS
            or re.fullmatch(self.holds, os.path.join(folder, document)) is not None
            or re.fullmatch(_RESULTS, name) is not None
        )


def write_texts(contents: Contents, folder: str) -> list[str]:
    """Writes the metadata and the documents to a local folder, and returns their paths."""
    texts = {METADATA: json.dumps(contents.metadata, indent=2) + "\n", **contents.documents}
    for name, text in texts.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
    return [os.path.join(folder, name) for name in texts]


# Bytes of a number, and of what HDF5 writes beside each array.
_MOST_BYTES, _MOST_BESIDE = 8, 8192


class Keras(Format):
    """A file of Keras weights for each agent, for `load_weights` of an agent of the same architecture.

    Files are `speaker-<i>.weights.h5` and `listener-<j>.weights.h5`; `speaker.json` and `listener.json` are what such
    agents are made from, with `from_config`.
    """

    entry = "config.gin"
    holds = r"(speaker|listener)(-\d+\.weights\.h5|\.json)"

    def write(self, contents: Contents, folder: str) -> None:
        """Writes the files; UserError where Keras leaves a weight out."""
        agents = contents.agents
        _write("speaker", agents.speakers, agents.speaker_as, folder)
        _write("listener", agents.listeners, agents.listener_as, folder)
        write_texts(contents, folder)


def _write(kind: str, count: int, agent_as: Callable[[int], keras.Model], folder: str) -> None:
    for index in range(count):
        agent, path = agent_as(index), os.path.join(folder, f"{kind}-{index}.weights.h5")
        _require_room(path, agent)
        agent.save_weights(path)
        written, there = _arrays(path), len(agent.trainable_variables)
        # Keras finds layers by a model's attributes, and says nothing of what it does not find.
        if written < there:
            raise UserError(
                f"Keras wrote {written} of the {there} weights of a {kind}, whose layers it does not all see; leave"
                " --format=keras out: a SavedModel holds all of them."
            )


    with open(os.path.join(folder, f"{kind}.json"), "w", encoding="utf-8") as file:
        json.dump(agent.get_config(), file, indent=2)


def _require_room(path: str, agent: keras.Model) -> None:
    """OSError where the disk has no room for a file of weights: HDF5 then prints errors, and ends the process."""
    size = sum(_MOST_BESIDE + math.prod(variable.shape) * _MOST_BYTES for variable in agent.weights)
    with open(path, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, _MOST_BESIDE + size)


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
        # TensorFlow copies assets from elsewhere.
        scratch = os.path.join(folder, "texts")
        os.makedirs(scratch)
        module = module_cls(contents.agents, contents.metadata, write_texts(contents, scratch))
        tf.saved_model.save(module, folder, signatures=module.offered)
        shutil.rmtree(scratch)
