"""Untrained agents of every kind for tests of exports, and their SavedModels."""

import functools

from tests import lewis
from tf_emcom.agents.grammar import AnySymbol
from tf_emcom.agents.listener import Listener
from tf_emcom.agents.nets.layers import Mlp
from tf_emcom.agents.nets.recurrent import LstmCore
from tf_emcom.agents.speaker import Speaker
from tf_emcom.games.channels import Clear
from tf_emcom.games.transfer import TransferGame
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.tools.export.contents import Contents, describe
from tf_emcom.tools.export.formats import SavedModel
from tf_emcom.training.optimizers import Adam
from tf_emcom.training.transfer_learner import TransferLearner

V, T, F = 7, 4, lewis.FEATURES


class Source:
    """A source of a transfer run's speaker: a new one."""

    def __init__(self, grammar):
        self.grammar = grammar

    def speaker(self, features):
        speaker = Speaker(V, T, Mlp, functools.partial(LstmCore, 8), embedding_size=5, grammar=self.grammar)
        speaker.build((None, features))
        return speaker

    def documents(self):
        return {}

    def subjects(self, count, seed):
        return None


def of_task(task, grammar=AnySymbol()):  # noqa: B008 it has no state
    """A speaker and a listener that learns a transfer task; the task decides its head."""
    return TransferLearner(
        TransferGame(Clear(), task),
        Source(grammar),
        functools.partial(Listener, core_cls=functools.partial(LstmCore, 9), embedding_size=5),
        functools.partial(Adam, learning_rate=1e-2),
        features=F,
        batch_size=8,
    )


def contents(agents, run, precision="float32", documents=()):
    """The contents of an export of agents whose run is in that folder."""
    metadata = describe(agents, F, "names", precision, 3, RunFolder(str(run)))
    return Contents(agents, metadata, {"config.gin": "seed = 1\n", **dict(documents)})


def saved(agents, folder, **given):
    """The folder, after the agents were exported to it."""
    SavedModel().write(contents(agents, folder.parent, **given), str(folder))
    return folder
