"""Small whole games for the tests: real agents, real losses, sizes that train in a blink."""

import functools

import numpy as np

from tf_emcom.agents.listener import Listener
from tf_emcom.agents.speaker import Speaker
from tf_emcom.channels.clear import Clear
from tf_emcom.channels.erasure import Erasure
from tf_emcom.game import Game
from tf_emcom.heads.listener.cpc import Cpc
from tf_emcom.heads.listener.norm_merge_policy_value import NormMergePolicyValue
from tf_emcom.learner import Learner
from tf_emcom.losses.listener_contrastive import ListenerContrastive
from tf_emcom.losses.listener_reinforce import ListenerReinforce
from tf_emcom.losses.speaker_reinforce import SpeakerReinforce
from tf_emcom.nets.identity import Identity
from tf_emcom.nets.lstm_core import LstmCore
from tf_emcom.optimizers.adam import Adam
from tf_emcom.policies.greedy import Greedy
from tf_emcom.policies.sampled import Sampled
from tf_emcom.rewards.success import Success
from tf_emcom.schedules.linear_ramp import LinearRamp
from tf_emcom.tasks.discrimination import Discrimination

FEATURES = 12


def lg_s(distractors: int | None = None) -> Game:
    """The game with a self-supervised listener."""
    return Game(
        Clear(), Discrimination(distractors), Greedy(), Success(1.0, 0.0), SpeakerReinforce(), ListenerContrastive()
    )


def nlg(distractors: int | None = None, noise: float = 0.5) -> Game:
    """The noisy game with a reinforcement-learning listener; its noise is there from the first steps on."""
    channel = Erasure(LinearRamp(0.1, noise, 20))
    return Game(
        channel, Discrimination(distractors), Sampled(), Success(1.0, -1.0), SpeakerReinforce(), ListenerReinforce()
    )


HEADS = {lg_s: functools.partial(Cpc, 6), nlg: functools.partial(NormMergePolicyValue, 6)}


def make_learner(rules, batch_size: int, distractors: int | None = None, seed: int = 0, torso_cls=Identity) -> Learner:
    """A learner of the game that `rules` makes."""
    return Learner(
        rules(distractors),
        speaker_cls=functools.partial(
            Speaker, 7, 4, core_cls=functools.partial(LstmCore, 8), embedding_size=5, torso_cls=torso_cls
        ),
        listener_cls=functools.partial(
            Listener, 7, core_cls=functools.partial(LstmCore, 9), head_cls=HEADS[rules], embedding_size=5
        ),
        speaker_optimizer_cls=functools.partial(Adam, learning_rate=1e-2),
        listener_optimizer_cls=functools.partial(Adam, learning_rate=1e-2),
        features=FEATURES,
        batch_size=batch_size,
        seed=seed,
    )


def inputs(examples: int, seed: int = 0) -> np.ndarray:
    """Random inputs [examples, FEATURES]."""
    return np.random.default_rng(seed).normal(size=(examples, FEATURES)).astype(np.float32)
