"""Runs of small agents that talk about a small data set of known meanings."""

import functools
import json

import numpy as np

from tests import lewis
from tf_emcom.data.source import Examples
from tf_emcom.errors import UserError
from tf_emcom.files import read_json_lines
from tf_emcom.runtime.checkpoints import Checkpoints
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.runtime.strategies import OneDevice
from tf_emcom.training.experiment import Experiment
from tf_emcom.training.populations.population import Population

STEP = 3


class Meanings:
    """A split of so many inputs; attributes are the signs of their first numbers, factors those of the next."""

    name = "meanings"

    def __init__(self, count=60, labels=(), same=False):
        inputs = lewis.inputs(1 if same else count).repeat(count if same else 1, axis=0)
        signs = (inputs > 0).astype(np.int32)
        known = {"attributes": signs[:, :3], "factors": signs[:, 3:5], "label": signs[:, 0]}
        self.examples = Examples(inputs, {name: known[name] for name in labels})

    def features(self):
        return lewis.FEATURES

    def labels(self):
        return tuple(self.examples.labels)

    def load(self, split, labels=None):
        if split not in ("train", "test"):
            raise UserError(f"The data set meanings has no split {split!r}: choose test.")
        return self.examples.with_labels(labels, self.name)


def pair(game, features, batch_size, seed):
    """A speaker and a listener."""
    return lewis.make_learner(lewis.lg_s, batch_size, seed=seed)


def population(speakers, listeners):
    """Makes so many of them."""
    return functools.partial(Population, learner_cls=pair, n_speakers=speakers, n_listeners=listeners)


def untrained_run(path, data, learner_cls=pair, game=None):
    """An experiment whose agents were saved as they were made, at step 3, and the folder of that run."""
    experiment = Experiment(
        OneDevice(jit_compile=False), game or lewis.lg_s(), data, learner_cls=learner_cls, batch_size=8
    )
    folder = RunFolder(str(path))
    folder.prepare_results()
    Checkpoints(folder.checkpoints, experiment.learner).save(STEP)
    return experiment, folder


def messages_of(experiment):
    """What its speaker says of the whole split, int32 [N, T]."""
    return experiment.learner.speaker.greedy(experiment.data.examples.inputs).symbols.numpy()


def results(folder, mode):
    """The lines of eval/<mode>.jsonl, which must be JSON in the strict sense."""
    path = f"{folder.path}/eval/{mode}.jsonl"
    with open(path) as file:
        strictly = [json.loads(line, parse_constant=lambda name: f"no JSON: {name}") for line in file]
    rows = read_json_lines(path, "")
    ends = [{"lines": len(rows), "checksum": line["checksum"]} for line in strictly]
    assert strictly == [{**row, **end} for row, end in zip(rows, ends, strict=True)]
    return rows
