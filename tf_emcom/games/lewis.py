"""The Lewis game: one speaker, one channel, one listener, in one page."""

import abc

import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.agents.speaker import Speaker
from tf_emcom.checks import Checked
from tf_emcom.games.channels import Channel, transmit
from tf_emcom.games.losses import Loss
from tf_emcom.games.policies import ListenerPolicy
from tf_emcom.games.rewards import Reward
from tf_emcom.games.tasks import Task
from tf_emcom.games.transfer_tasks import TransferTask
from tf_emcom.seeds import Stream
from tf_emcom.types import Batch, Outcome, Play


class Rules(Checked, abc.ABC):
    """The rules of what agents do with a batch."""

    channel: Channel
    task: Task | TransferTask
    is_transfer: bool = False  # whether a new listener learns, by supervision, from a speaker that stays as it is


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
    ) -> None:
        self.channel = channel
        self.task: Task = task
        self.listener_policy = listener_policy
        self.reward = reward
        self.speaker_loss = speaker_loss
        self.listener_loss = listener_loss

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
        speech = speaker.sample(batch.inputs, step, stream.stage("speaker"))
        target_speech = target_speaker.score(batch.inputs, speech.symbols)
        message = transmit(
            self.channel, speaker, speech.symbols, step, stream.stage("channel"), relaxed=speech.relaxed
        )
        candidates = self.task.candidates(batch, candidate_inputs, stream.stage("candidates"))
        hearing = self.task.hear(listener, message, candidates)
        choice = self.listener_policy(hearing.scores, step, stream.stage("listener"))
        success = self.task.success(choice, candidates)
        outcome = Outcome(success, self.reward(success, speech, hearing, candidates))
        return Play(batch, speech, target_speech, message, candidates, hearing, choice, outcome)
