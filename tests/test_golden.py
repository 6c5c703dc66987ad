"""The numbers of the original code, to 1e-5. Every size comes from the files; $GOLDEN_DIR names another set of them."""

import numpy as np
import pytest
import tensorflow as tf

from tests import golden_agents as agents
from tf_emcom.games.channels import Clear
from tf_emcom.games.lewis import Game
from tf_emcom.games.losses import (
    ListenerAdvantageReinforce,
    ListenerContrastive,
    ListenerReinforce,
    SpeakerPolicyGradient,
    SpeakerReinforce,
)
from tf_emcom.games.policies import Greedy, choice_from
from tf_emcom.games.rewards import Success
from tf_emcom.games.tasks import Discrimination
from tf_emcom.training.learner import Learner
from tf_emcom.training.optimizers import Adam
from tf_emcom.training.trainee import Turn
from tf_emcom.types import Batch, Candidates, Hearing, Message, Outcome, Play

CLOSE = {"atol": 1e-5, "rtol": 0}


def in_batch(x):
    return Candidates(tf.constant(x), None, tf.range(len(x)))


def lewis_game(speaker_loss):
    return Game(Clear(), Discrimination(), Greedy(), Success(1.0, 0.0), speaker_loss, ListenerContrastive())


class ScriptedSpeaker:
    """The real speaker, whose draws are those of the file: it scores them, as teacher forcing does."""

    def __init__(self, speaker, actions):
        self.speaker, self.actions = speaker, actions
        self.vocab_size = speaker.vocab_size
        self.trainable_variables = speaker.trainable_variables
        self.grammar = speaker.grammar
        self.score = speaker.score

    def sample(self, inputs, step, stream):
        return self.speaker.score(inputs, self.actions)


def learner_on(arrays, speaker_loss, prefix=""):
    """A learner with the file's weights and optimisers."""
    games, features = arrays["x"].shape[-2:]
    learner = Learner(
        lewis_game(speaker_loss),
        speaker_cls=lambda: agents.make_speaker(arrays, prefix + "speaker/"),
        listener_cls=lambda: agents.make_listener(arrays, prefix + "listener/"),
        speaker_optimizer_cls=lambda variables: Adam(variables, 1e-4),
        listener_optimizer_cls=lambda variables: Adam(variables, 5e-5),
        features=features,
        batch_size=games,
        target_decay=0.99,
    )
    agents.load(agents.speaker_weights(learner.speaker), arrays, prefix + "speaker/")
    agents.load(agents.speaker_weights(learner.target_speaker), arrays, prefix + "target_speaker/")
    agents.load(agents.listener_weights(learner.listener), arrays, prefix + "listener/")
    return learner


def scripted_gradients(learner, x, actions, jit_compile=False):
    """The learner's gradients on inputs x and given symbols, with metrics."""
    speaker = learner.speaker
    learner.speaker = ScriptedSpeaker(speaker, tf.constant(actions))
    function = tf.function(learner.gradients, jit_compile=jit_compile, autograph=False)
    x = tf.constant(x)
    result = function(Turn(Batch(x, {}), x, tf.constant(0, tf.int64), tf.constant(0), tf.constant([0, 0])))
    learner.speaker = speaker
    return result


def by_name(weights, variables, gradients):
    """The gradients in the order of `weights`."""
    place = {id(variable): gradient for variable, gradient in zip(variables, gradients, strict=True)}
    return [place[id(variable)] for variable in weights.values()]


def test_speaker_scores_given_symbols_as_the_original_does(golden):
    arrays = golden("speaker_forced")
    speech = agents.build_speaker(arrays).score(tf.constant(arrays["x"]), tf.constant(arrays["actions"]))
    np.testing.assert_array_equal(speech.symbols, arrays["actions"])
    np.testing.assert_allclose(speech.policy_logits, arrays["policy_logits"], **CLOSE)
    np.testing.assert_allclose(speech.q_values, arrays["q_values"], **CLOSE)
    np.testing.assert_allclose(speech.value, arrays["value"], **CLOSE)
    np.testing.assert_allclose(speech.log_probs, arrays["action_log_prob"], **CLOSE)
    np.testing.assert_allclose(speech.entropy, arrays["entropy"], **CLOSE)


def test_cpc_listener_hears_as_the_original_does(golden):
    arrays = golden("listener_cpc")
    listener, candidates = agents.build_listener(arrays), in_batch(arrays["x"])
    message = Message(tf.constant(arrays["message"]))
    representation = listener.represent(message)
    np.testing.assert_allclose(listener.head.message_projection(representation), arrays["predictions"], **CLOSE)
    np.testing.assert_allclose(listener.head.candidate_projection(candidates.inputs), arrays["targets"], **CLOSE)
    hearing = listener.hear(message, candidates)
    np.testing.assert_allclose(tf.nn.softmax(hearing.scores), arrays["probs"], **CLOSE)
    choice = Greedy()(hearing.scores, tf.constant(0), None)
    np.testing.assert_array_equal(Discrimination().success(choice, candidates), arrays["accuracy"])
    play = Play(None, None, None, message, candidates, hearing, choice, None)
    np.testing.assert_allclose(ListenerContrastive()(play, tf.constant(0)).loss, arrays["loss"], **CLOSE)


LEWIS = {
    "lg_s_loss_reinforce": (
        SpeakerReinforce(1e-4, 0.5),
        {
            "stats/kl_target_loss": "speaker_kl_loss",
            "stats/speaker_entropy": "speaker_entropy",
        },
    ),
    "lg_s_loss_policy_gradient": (
        SpeakerPolicyGradient(1e-4),
        {
            "stats/action_value_loss": "speaker_action_value_loss",
            "stats/q_value_chosen": "speaker_q_value",
        },
    ),
}
BOTH = {
    "loss": "loss",
    "stats/global_accuracy": "accuracy",
    "stats/listener_loss": "listener_loss",
    "stats/speaker_loss": "speaker_loss",
    "stats/policy_loss": "speaker_policy_loss",
    "stats/entropy_loss": "speaker_entropy_loss",
    "stats/value": "speaker_value",
    "stats/value_loss": "speaker_value_loss",
}


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
@pytest.mark.parametrize("name", LEWIS)
def test_losses_and_gradients_of_the_lewis_game_are_the_originals(golden, name, jit_compile):
    arrays = golden(name)
    speaker_loss, own_terms = LEWIS[name]
    learner = learner_on(arrays, speaker_loss)
    gradients, metrics = scripted_gradients(learner, arrays["x"], arrays["actions"], jit_compile)
    names = {**BOTH, **own_terms}
    assert {k for k in arrays if k.startswith("stats/")} | {"loss"} == set(names)
    for theirs, ours in names.items():
        np.testing.assert_allclose(metrics[ours], arrays[theirs], **CLOSE, err_msg=theirs)
    np.testing.assert_allclose(metrics["reward"], arrays["reward"].mean(), **CLOSE)
    weights = agents.speaker_weights(learner.speaker)
    values = by_name(weights, learner.speaker.trainable_variables, gradients.speaker)
    agents.assert_matches(weights, values, arrays, "grad/speaker/")
    weights = agents.listener_weights(learner.listener)
    values = by_name(weights, learner.listener.trainable_variables, gradients.listener)
    agents.assert_matches(weights, values, arrays, "grad/listener/")


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_three_optimiser_steps_end_where_the_original_ends(golden, jit_compile):
    arrays = golden("lg_s_three_steps")
    learner = learner_on(arrays, SpeakerReinforce(1e-4, 0.5), prefix="before/")
    apply = tf.function(learner.apply, jit_compile=jit_compile, autograph=False)
    for step, (x, actions, loss) in enumerate(zip(arrays["x"], arrays["actions"], arrays["losses"], strict=True)):
        gradients, metrics = scripted_gradients(learner, x, actions, jit_compile)
        np.testing.assert_allclose(metrics["loss"], loss, **CLOSE)
        apply(gradients, tf.constant(step, tf.int64), tf.constant([0, 0]))
    for prefix, agent in (("speaker/", learner.speaker), ("target_speaker/", learner.target_speaker)):
        weights = agents.speaker_weights(agent)
        agents.assert_matches(weights, weights.values(), arrays, "after/" + prefix)
    weights = agents.listener_weights(learner.listener)
    agents.assert_matches(weights, weights.values(), arrays, "after/listener/")
    # The steps are small: that nothing moved would pass a loose test, so the distance gone is compared too.
    for name, variable in agents.speaker_weights(learner.speaker).items():
        before, after = arrays["before/speaker/" + name], arrays["after/speaker/" + name]
        moved = tf.convert_to_tensor(variable) - before
        np.testing.assert_allclose(moved, after - before, atol=1e-6, rtol=0, err_msg=name)


RL = {
    "listener_rl_reinforce": (ListenerReinforce(1e-4, 1e-3), {}),
    "listener_rl_adv_reinforce": (
        ListenerAdvantageReinforce(1e-4, 1e-3),
        {
            "stats/listener_action_value_loss": "listener_action_value_loss",
            "stats/listener_q_value_chosen_stats": "listener_q_value",
        },
    ),
}
RL_BOTH = {
    "stats/listener_loss": "listener_loss",
    "stats/listener_policy_loss": "listener_policy_loss",
    "stats/listener_value_loss": "listener_value_loss",
    "stats/listener_entropy_loss": "listener_entropy_loss",
    "stats/listener_entropy": "listener_entropy",
    "stats/listener_entropy_success": "listener_entropy_success",
    "stats/listener_entropy_failure": "listener_entropy_failure",
    "stats/listener_value": "listener_value",
}


def rl_play(head, arrays):
    """A play up to the file's choices and rewards; its Q-values are the file's, since that head has none."""
    candidates = in_batch(arrays["x"])
    scores = head.scores(tf.constant(arrays["message_repr"]), candidates.inputs)
    hearing = Hearing(scores, head.values(scores).value, tf.constant(arrays["q_values"]))
    choice = choice_from(scores, tf.constant(arrays["actions"]))
    success = Discrimination().success(choice, candidates)
    outcome = Outcome(success, tf.constant(arrays["reward"]))
    return Play(None, None, None, None, candidates, hearing, choice, outcome)


@pytest.mark.parametrize("name", RL)
def test_losses_and_gradients_of_the_reinforcement_listener_are_the_originals(golden, name):
    arrays = golden(name)
    loss, own_terms = RL[name]
    head = agents.build_rl_head(arrays)
    weights = agents.rl_head_weights(head)
    with tf.GradientTape() as tape:
        play = rl_play(head, arrays)
        terms = loss(play, tf.constant(0))
        total = tf.reduce_mean(terms.loss)
    np.testing.assert_allclose(play.hearing.scores, arrays["policy_logits"], **CLOSE)
    np.testing.assert_allclose(play.hearing.value, arrays["value"], **CLOSE)
    np.testing.assert_allclose(play.choice.log_probs, arrays["action_log_prob"], **CLOSE)
    np.testing.assert_allclose(play.choice.entropy, arrays["entropy"], **CLOSE)
    np.testing.assert_allclose(total, arrays["loss"], **CLOSE)
    for theirs, ours in {**RL_BOTH, **own_terms}.items():
        np.testing.assert_allclose(tf.reduce_mean(terms.terms[ours]), arrays[theirs], **CLOSE, err_msg=theirs)
    gradients = tape.gradient(
        total, [v.value for v in weights.values()], unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
    agents.assert_matches(weights, gradients, arrays, "grad/head/")


@pytest.mark.parametrize("name", RL)
def test_reward_of_the_reinforcement_listener_is_the_originals(golden, name):
    arrays = golden(name)
    won = arrays["reward"] > 0
    # The original's reported reward is the success rate.
    np.testing.assert_allclose(won.mean(), arrays["stats/reward"], **CLOSE)
    np.testing.assert_allclose(Success(1.0, -1.0)(won.astype(np.float32), None, None, None), arrays["reward"], **CLOSE)
