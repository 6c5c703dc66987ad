"""The format of weights alone."""

import json
import math
import os
from collections.abc import Callable

import h5py
import keras

from tf_emcom.errors import UserError
from tf_emcom.export.contents import Contents
from tf_emcom.export.formats.format import Format, write_texts

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
