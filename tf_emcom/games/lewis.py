"""The Lewis game: one speaker, one channel, one listener, in one page."""

import abc
import math
from typing import Annotated

import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.agents.speaker import Speaker
from tf_emcom.checks import Checked, Highest, Least
from tf_emcom.errors import require_number
from tf_emcom.games.channels import Channel, transmit
from tf_emcom.games.losses import Loss
from tf_emcom.games.policies import ListenerPolicy
from tf_emcom.games.rewards import Reward
from tf_emcom.games.tasks import Task
from tf_emcom.games.transfer_tasks import TransferTask
from tf_emcom.ops.noise import add_gaussian_noise, spread_of
from tf_emcom.schedules import Schedule, at, bounds_of
from tf_emcom.seeds import Stream
from tf_emcom.types import Batch, Outcome, Play, Speech


class Rules(Checked, abc.ABC):
    """The rules of what agents do with a batch."""

    channel: Channel
    task: Task | TransferTask
    is_transfer: bool = False  # whether a new listener learns, by supervision, from a speaker that stays as it is


# Of an input: 2, where speaker and listener see it with a noise of their own; 1, where both see the same.
Views = Annotated[int, Least(1), Highest(2)]


def noisy_views(
    batch: Batch, candidate_inputs: tf.Tensor, coefficient: tf.Tensor, views: int, stream: Stream
) -> tuple[tf.Tensor, tf.Tensor]:
    """What the speaker sees of a replica's games, [B, F], and the listener of those of all replicas, [N, F].

    The noise is Gaussian, and its standard deviation the coefficient times that of each feature over all N games.
    """
    features, spread = candidate_inputs.shape[1], spread_of(candidate_inputs)
    own = stream.stage("speaker's view")
    other = own if views == 1 else stream.stage("listener's view")
    seen = add_gaussian_noise(batch.inputs, coefficient, spread, own.normal(features))
    shown = add_gaussian_noise(candidate_inputs, coefficient, spread, other.for_all_games().normal(features))
    return seen, shown


class Game(Rules):
    """The rules: how messages travel, what the listener does and how it chooses, what is paid, what both learn from."""

    def __init__(
        self,
        channel: Channel,
        task: Task,
        listener_policy: ListenerPolicy,
        reward: Reward,
        speaker_loss: Loss,
        listener_loss: Loss,
        input_noise: Schedule | float = 0.0,
        views: Views = 2,
    ) -> None:
        """Sets the rules.

        Args:
          channel: the way of messages.
          task: what the listener does.
          listener_policy: how it chooses.
          reward: what is paid.
          speaker_loss: what the speaker learns from.
          listener_loss: what the listener learns from.
          input_noise: of Gaussian noise on the inputs in training, in standard deviations of each feature over the
            batch; constant or a schedule. Tests have a noise of their own.
          views: 2, where speaker and listener see an input with a noise of their own (EaS); 1, where both see the same
            (NEC).
        """
        self.channel = channel
        self.task: Task = task
        self.listener_policy = listener_policy
        self.reward = reward
        self.speaker_loss = speaker_loss
        self.listener_loss = listener_loss
        self.input_noise = input_noise
        self._sees_clearly = bounds_of(input_noise) == (0, 0)
        for bound in bounds_of(input_noise):
            require_number("Game.input_noise", bound, 0, math.inf, "it is a standard deviation")
        self.views = views

    def play(
        self,
        speaker: Speaker,
        target_speaker: Speaker,
        listener: Listener,
        batch: Batch,
        candidate_inputs: tf.Tensor,
        step: tf.Tensor,
        stream: Stream,
    ) -> Play:
        """Plays the games of one replica as in training: the speaker samples, the listener follows its policy.

        The target speaker scores the speaker's symbols. `batch` has this replica's B games, inputs [B, F], and
        `candidate_inputs` is [N, F], the inputs of all replicas' games. Schedules stand at `step`, integer [].
        """
        if not self._sees_clearly:
            noise = at(self.input_noise, step)
            seen, candidate_inputs = noisy_views(batch, candidate_inputs, noise, self.views, stream)
            batch = batch._replace(inputs=seen)
        speech = speaker.sample(batch.inputs, step, stream.stage("speaker"))
        target_speech = target_speaker.score(batch.inputs, speech.symbols)
        spoken = speaker, speech, target_speech
        return self.answered(*spoken, listener, self.listener_policy, batch, candidate_inputs, step, stream)

    def answered(
        self,
        speaker: Speaker,
        speech: Speech,
        target_speech: Speech,
        listener: Listener,
        policy: ListenerPolicy,
        batch: Batch,
        candidate_inputs: tf.Tensor,
        step: tf.Tensor,
        stream: Stream,
    ) -> Play:
        """What becomes of what the speaker has said: the rest of `play`, whose arguments have the same shapes."""
        message = transmit(
            self.channel, speaker, speech.symbols, step, stream.stage("channel"), relaxed=speech.relaxed
        )
        candidates = self.task.candidates(batch, candidate_inputs, stream.stage("candidates"))
        hearing = self.task.hear(listener, message, candidates)
        choice = policy(hearing.scores, step, stream.stage("listener"))
        success = self.task.success(choice, candidates)
        outcome = Outcome(success, self.reward(success, speech, hearing, candidates))
        return Play(batch, speech, target_speech, message, candidates, hearing, choice, outcome)
