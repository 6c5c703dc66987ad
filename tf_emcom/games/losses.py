"""Losses of speakers and listeners, game by game."""

import abc

import tensorflow as tf

from tf_emcom.checks import Checked, Count
from tf_emcom.errors import UserError
from tf_emcom.ops import categorical
from tf_emcom.ops.losses import cross_entropy, cross_entropy_of_classes, in_top, policy_gradient_loss, squared_error
from tf_emcom.ops.selection import take
from tf_emcom.schedules import Schedule, at
from tf_emcom.types import LossTerms, Play


class Loss(Checked, abc.ABC):
    """What an agent learns from: a play becomes terms, game by game, which the learner averages."""

    @abc.abstractmethod
    def __call__(self, play: Play, step: tf.Tensor) -> LossTerms:
        """The terms of B games, each [B]."""


def terms(agent: str, loss: tf.Tensor, **parts: tf.Tensor) -> LossTerms:
    """The record of a loss [B] and its parts, each [B], named after the agent, "speaker" or "listener"."""
    return LossTerms(loss, {f"{agent}_{name}": values for name, values in {"loss": loss, **parts}.items()})


def needed(values: tf.Tensor | None, loss: Loss, what: str, heads: str) -> tf.Tensor:
    """`values`, which the loss needs; UserError, which names heads that have them, where there are none."""
    if values is None:
        raise UserError(
            f"{type(loss).__name__} needs a head with {what}, which this one lacks; bind head_cls to {heads}."
        )
    return values


def _entropy_and_pull(
    loss: "SpeakerReinforce | SpeakerThroughListener", play: Play, step: tf.Tensor
) -> dict[str, tf.Tensor]:
    """Means over the T symbols of −β·entropy_t, of κ·KL(π_t ‖ π^target_t) and of entropy_t, each [B]."""
    speech = play.speech
    # The target speaker is a fixed point to be pulled towards.
    divergence = categorical.kl(speech.policy_logits, tf.stop_gradient(play.target_speech.policy_logits))
    entropy = tf.reduce_mean(speech.entropy, axis=1)
    return {
        "entropy_loss": -at(loss.entropy_coefficient, step) * entropy,
        "kl_loss": at(loss.kl_coefficient, step) * tf.reduce_mean(divergence, axis=1),
        "entropy": entropy,
    }


def _entropies(play: Play) -> dict[str, tf.Tensor]:
    """The entropy of the listener's choices, [B], and the parts of it in games that were won and that were lost.

    The means of the parts over all games add up to that of the whole (NEC); divided by the shares of games that were
    won and lost, they are the means over these games.
    """
    entropy, success = play.choice.entropy, play.outcome.success
    return {"entropy": entropy, "entropy_success": entropy * success, "entropy_failure": entropy * (1.0 - success)}


def _require_candidates(loss: Loss, play: Play) -> None:
    if play.hearing.scores.shape.rank != 2:
        raise UserError(
            f"{type(loss).__name__} needs a listener that chooses among candidates, but this one names labels; bind"
            " task to @Discrimination(), or the loss to @ListenerClassification()."
        )


class SpeakerReinforce(Loss):
    """REINFORCE with a learnt baseline, an entropy bonus and a pull towards the target speaker (EaS, section 2).

    Means over the T symbols of −(R − sg(v_t))·log π(a_t), of (R − v_t)², of −β·entropy_t and of κ·KL(π_t ‖ π^target_t).
    """

    def __init__(self, entropy_coefficient: Schedule | float = 1e-4, kl_coefficient: Schedule | float = 0.5) -> None:
        """β and κ, constants or schedules."""
        self.entropy_coefficient = entropy_coefficient
        self.kl_coefficient = kl_coefficient

    def __call__(self, play: Play, step: tf.Tensor) -> LossTerms:
        speech = play.speech
        value = needed(speech.value, self, "a value", "@PolicyValue or @PolicyQValueDueling")
        reward = play.outcome.reward[:, tf.newaxis]
        policy = tf.reduce_mean(policy_gradient_loss(reward - value, speech.log_probs), axis=1)
        critic = tf.reduce_mean(squared_error(reward, value), axis=1)
        shared = _entropy_and_pull(self, play, step)
        loss = policy + critic + shared["entropy_loss"] + shared["kl_loss"]
        return terms(
            "speaker",
            loss=loss, policy_loss=policy, value_loss=critic, **shared, value=tf.reduce_mean(value, axis=1),
        )


class SpeakerReinforceWithoutBaseline(SpeakerReinforce):
    """REINFORCE whose advantage is the reward itself (Williams 1992), so that any head will do, such as `Policy`.

    Means over the T symbols of −R·log π(a_t), of −β·entropy_t and of κ·KL(π_t ‖ π^target_t). Where a head has critics,
    they learn nothing.
    """

    def __call__(self, play: Play, step: tf.Tensor) -> LossTerms:
        reward = play.outcome.reward[:, tf.newaxis]
        policy = tf.reduce_mean(policy_gradient_loss(reward, play.speech.log_probs), axis=1)
        shared = _entropy_and_pull(self, play, step)
        loss = policy + shared["entropy_loss"] + shared["kl_loss"]
        return terms("speaker", loss=loss, policy_loss=policy, **shared)


class SpeakerPolicyGradient(Loss):
    """The advantage is sg(Q_t(a_t)) − sg(v_t) instead of the reward minus a baseline (Sutton et al. 1999).

    Means over the T symbols of −(sg(Q_t(a_t)) − sg(v_t))·log π(a_t), of (R − Q_t(a_t))², of (R − v_t)² and of
    −β·entropy_t.
    """

    def __init__(self, entropy_coefficient: Schedule | float = 1e-4) -> None:
        """β, a constant or a schedule."""
        self.entropy_coefficient = entropy_coefficient

    def __call__(self, play: Play, step: tf.Tensor) -> LossTerms:
        speech = play.speech
        heads = "@PolicyQValue or @PolicyQValueDueling"
        value = needed(speech.value, self, "a value", heads)
        chosen = take(needed(speech.q_values, self, "Q-values", heads), speech.symbols)
        reward = play.outcome.reward[:, tf.newaxis]
        policy = tf.reduce_mean(policy_gradient_loss(chosen - value, speech.log_probs), axis=1)
        action_critic = tf.reduce_mean(squared_error(reward, chosen), axis=1)
        critic = tf.reduce_mean(squared_error(reward, value), axis=1)
        entropy = tf.reduce_mean(speech.entropy, axis=1)
        entropy_loss = -at(self.entropy_coefficient, step) * entropy
        loss = policy + action_critic + critic + entropy_loss
        return terms(
            "speaker",
            loss=loss, policy_loss=policy, action_value_loss=action_critic, value_loss=critic,
            entropy_loss=entropy_loss, entropy=entropy, value=tf.reduce_mean(value, axis=1),
            q_value=tf.reduce_mean(chosen, axis=1),
        )


class SpeakerThroughListener(Loss):
    """An entropy bonus and a pull towards the target speaker; all else comes through soft symbols.

    The gradient of the listener's loss flows back into the speaker that uttered them (Jang et al. 2017; Havrylov &
    Titov 2017), so the reward plays no part. Means over the T symbols of −β·entropy_t and of κ·KL(π_t ‖ π^target_t).
    """

    def __init__(self, entropy_coefficient: Schedule | float = 1e-4, kl_coefficient: Schedule | float = 0.0) -> None:
        """β and κ, constants or schedules."""
        self.entropy_coefficient = entropy_coefficient
        self.kl_coefficient = kl_coefficient

    def __call__(self, play: Play, step: tf.Tensor) -> LossTerms:
        if play.speech.relaxed is None:
            raise UserError(
                "SpeakerThroughListener teaches through soft symbols, but this speaker utters none; bind"
                " Speaker.sampler to @GumbelSoftmax() or @StraightThrough()."
            )
        shared = _entropy_and_pull(self, play, step)
        return terms("speaker", loss=shared["entropy_loss"] + shared["kl_loss"], **shared)


class ListenerClassification(Loss):
    """Softmax cross-entropy, mean over the labels of an input (EaS, section 2.4).

    With more than K classes there is a metric more, such as `listener_top5`: the share of labels among the best K.
    """

    def __init__(self, top: Count = 5) -> None:
        """K is `top` (NEC, `rank_acc`)."""
        self.top = top

    def __call__(self, play: Play, step: tf.Tensor) -> LossTerms:
        scores, target = play.hearing.scores, play.candidates.target
        if scores.shape.rank != 3:
            raise UserError(
                "ListenerClassification needs a listener that names labels, but this one chooses among candidates; bind"
                " task to @Naming(), or the loss to @ListenerContrastive()."
            )
        loss = cross_entropy_of_classes(scores, target)
        more = {f"listener_top{self.top}": in_top(self.top, scores, target)} if scores.shape[2] > self.top else {}
        return LossTerms(loss, {"listener_loss": loss, **more})


class ListenerContrastive(Loss):
    """Cross-entropy of the right candidate among those shown (EaS, section 2).

    Which candidates a game shows is the task's matter: the whole batch or sampled distractors.
    """

    def __call__(self, play: Play, step: tf.Tensor) -> LossTerms:
        _require_candidates(self, play)
        loss = cross_entropy(play.hearing.scores, play.candidates.target)
        return LossTerms(loss, {"listener_loss": loss})


class ListenerReinforce(Loss):
    """−(r − sg(v))·log π(a) − β·entropy + w·(r − v)² (NEC)."""

    def __init__(
        self, entropy_coefficient: Schedule | float = 1e-4, value_coefficient: Schedule | float = 1e-3
    ) -> None:
        """β and w, constants or schedules."""
        self.entropy_coefficient = entropy_coefficient
        self.value_coefficient = value_coefficient

    def __call__(self, play: Play, step: tf.Tensor) -> LossTerms:
        reward, choice = play.outcome.reward, play.choice
        value = needed(play.hearing.value, self, "a value", "@NormMergePolicyValue")
        policy = policy_gradient_loss(reward - value, choice.log_probs)
        critic = squared_error(reward, value)
        entropy_loss = -at(self.entropy_coefficient, step) * choice.entropy
        loss = policy + entropy_loss + at(self.value_coefficient, step) * critic
        return terms(
            "listener",
            loss=loss, policy_loss=policy, value_loss=critic, entropy_loss=entropy_loss, **_entropies(play),
            value=value,
        )


class ListenerReinforceWithoutBaseline(Loss):
    """−r·log π(a) − β·entropy, r itself being the advantage (Williams 1992), so that any comparing head will do."""

    def __init__(self, entropy_coefficient: Schedule | float = 1e-4) -> None:
        """β, a constant or a schedule."""
        self.entropy_coefficient = entropy_coefficient

    def __call__(self, play: Play, step: tf.Tensor) -> LossTerms:
        choice = play.choice
        _require_candidates(self, play)
        policy = policy_gradient_loss(play.outcome.reward, choice.log_probs)
        entropy_loss = -at(self.entropy_coefficient, step) * choice.entropy
        loss = policy + entropy_loss
        return terms("listener", loss=loss, policy_loss=policy, entropy_loss=entropy_loss, **_entropies(play))


class ListenerAdvantageReinforce(ListenerReinforce):
    """−(sg(Q(a)) − sg(v))·log π(a) − β·entropy + w·((r − Q(a))² + (r − v)²) (NEC).

    β and w as for REINFORCE.
    """

    def __call__(self, play: Play, step: tf.Tensor) -> LossTerms:
        reward, choice, hearing = play.outcome.reward, play.choice, play.hearing
        value = needed(hearing.value, self, "a value", "@NormMergePolicyQValue")
        chosen = take(needed(hearing.q_values, self, "Q-values", "@NormMergePolicyQValue"), choice.candidates)
        policy = policy_gradient_loss(chosen - value, choice.log_probs)
        action_critic, critic = squared_error(reward, chosen), squared_error(reward, value)
        entropy_loss = -at(self.entropy_coefficient, step) * choice.entropy
        loss = policy + entropy_loss + at(self.value_coefficient, step) * (action_critic + critic)
        return terms(
            "listener",
            loss=loss, policy_loss=policy, action_value_loss=action_critic, value_loss=critic,
            entropy_loss=entropy_loss, **_entropies(play), value=value, q_value=chosen,
        )
