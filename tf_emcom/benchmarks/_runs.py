"""Training runs on random inputs, for benchmarks of whole steps."""

import functools

import numpy as np
import tensorflow as tf

from tf_emcom.agents.heads.listener import Cpc
from tf_emcom.agents.listener import Listener
from tf_emcom.agents.nets.recurrent import LstmCore
from tf_emcom.agents.speaker import Speaker
from tf_emcom.data.pipeline import Order, Orders, Pipeline
from tf_emcom.data.source import Examples
from tf_emcom.games.channels import Clear
from tf_emcom.games.lewis import Game
from tf_emcom.games.losses import ListenerContrastive, SpeakerReinforce
from tf_emcom.games.policies import Greedy
from tf_emcom.games.rewards import Success
from tf_emcom.games.tasks import Discrimination
from tf_emcom.runtime.strategies import OneDevice
from tf_emcom.training.learner import Learner
from tf_emcom.training.optimizers import Adam
from tf_emcom.training.trainee import Trainee
from tf_emcom.training.trainer import Trainer

_EXAMPLES = 2048


class Size:
    """The sizes of the agents and of what they see: F features, units of the speaker's core and of the listener's."""

    def __init__(self, features: int, speaker: int, listener: int, projection: int) -> None:
        self.features = features
        self.speaker, self.listener, self.projection = speaker, listener, projection

    def pair(self, game: Game, features: int, batch_size: int, seed: int) -> Learner:
        """A pair of agents of this size."""
        return Learner(
            game,
            functools.partial(Speaker, core_cls=functools.partial(LstmCore, self.speaker)),
            functools.partial(
                Listener,
                core_cls=functools.partial(LstmCore, self.listener),
                head_cls=functools.partial(Cpc, self.projection),
            ),
            Adam,
            Adam,
            features,
            batch_size,
            seed,
        )


FULL = Size(2048, 256, 512, 256)
SMALL = Size(64, 64, 128, 64)


def lg_s() -> Game:
    """The game with a self-supervised listener."""
    return Game(Clear(), Discrimination(), Greedy(), Success(), SpeakerReinforce(), ListenerContrastive())


class Run:
    """A trainee with its batches, which goes on from call to call."""

    def __init__(self, trainee: Trainee, features: int) -> None:
        inputs = np.random.default_rng(0).normal(size=(_EXAMPLES, features)).astype(np.float32)
        distribution = OneDevice()
        orders = [Order(_EXAMPLES, trainee.batch_size, seed, "train") for seed in trainee.seeds()]
        pipeline = Pipeline(Examples(inputs, {}), Orders(orders) if trainee.independent else orders[0])
        self._batches = pipeline.distributed(distribution.strategy, 0)
        self._trainer = Trainer(trainee, distribution)
        # Traced and compiled before anything is timed.
        self.advance(2)

    def advance(self, steps: int) -> None:
        """Trains so many steps, and waits for the last."""
        sums = self._trainer.advance(self._batches, tf.constant(steps))
        float(np.sum(sums["loss"].numpy()))
