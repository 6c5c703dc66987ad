"""Small whole games for the tests: real agents, real losses, sizes that train in a blink."""

import functools

import numpy as np
import tensorflow as tf

from tf_emcom.agents.heads.listener import Cpc, NormMergePolicyValue
from tf_emcom.agents.listener import Listener
from tf_emcom.agents.nets.layers import Identity
from tf_emcom.agents.nets.recurrent import LstmCore
from tf_emcom.agents.speaker import Speaker
from tf_emcom.data.pipeline import Order, Orders, Pipeline
from tf_emcom.data.source import Examples
from tf_emcom.games.channels import Clear, Erasure
from tf_emcom.games.lewis import Game
from tf_emcom.games.losses import ListenerContrastive, ListenerReinforce, SpeakerReinforce
from tf_emcom.games.policies import Greedy, Sampled
from tf_emcom.games.rewards import Success
from tf_emcom.games.tasks import Discrimination
from tf_emcom.schedules import LinearRamp
from tf_emcom.training.learner import Learner
from tf_emcom.training.optimizers import Adam
from tf_emcom.training.populations.independent_pairs import IndependentPairs
from tf_emcom.training.populations.population import Population
from tf_emcom.training.trainer import Trainer

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


def noisy_inputs(distractors: int | None = None) -> Game:
    """The noisy game in which speaker and listener see inputs with a noise of their own, and choose within halves."""
    parts = Erasure(0.2), Discrimination(distractors, groups=2), Sampled(), Success(1.0, -1.0)
    return Game(*parts, SpeakerReinforce(), ListenerReinforce(), input_noise=0.5)


HEADS = {
    lg_s: functools.partial(Cpc, 6),
    nlg: functools.partial(NormMergePolicyValue, 6),
    noisy_inputs: functools.partial(NormMergePolicyValue, 6),
}


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


def make_population(
    rules, batch_size: int, n_speakers: int, n_listeners: int, pairs: int = 1, seed: int = 0, **settings
):
    """A population in the game that `rules` makes."""
    pair = lambda game, features, batch_size, seed: make_learner(rules, batch_size, seed=seed)  # noqa: E731
    return Population(rules(None), pair, FEATURES, batch_size, seed, n_speakers, n_listeners, pairs, **settings)


def make_independent(rules, batch_size: int, seeds: int, seed: int = 0) -> IndependentPairs:
    """Independent pairs in the game that `rules` makes."""
    pair = lambda game, features, batch_size, seed: make_learner(rules, batch_size, seed=seed)  # noqa: E731
    return IndependentPairs(rules(None), pair, FEATURES, batch_size, seed, seeds)


def trained(trainee, distribution, steps: int, examples: int = 40):
    """The sums of the metrics of `steps` steps of a trainee, whose weights are where these steps lead."""
    orders = [Order(examples, trainee.batch_size, seed, "train") for seed in trainee.seeds()]
    order = Orders(orders) if trainee.independent else orders[0]
    batches = Pipeline(Examples(inputs(examples), {}), order).distributed(distribution.strategy, 0)
    trainer = Trainer(trainee, distribution)
    sums, _ = trainer.advance(batches, tf.constant(steps))
    return {name: value.numpy() for name, value in sums.items()}


def everything(trainee) -> list[np.ndarray]:
    """All that a checkpoint of a trainee holds, on the first replica."""
    kept = [*trainee.agents.values(), *trainee.optimizer_state.values()]
    return [np.asarray(tf.convert_to_tensor(v.value)) for variables in kept for v in variables]
