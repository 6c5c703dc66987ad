"""One game, from the input to the pay."""

import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.agents.speaker import Speaker
from tf_emcom.channels.channel import Channel
from tf_emcom.errors import require_instance
from tf_emcom.losses.loss import Loss
from tf_emcom.policies.listener_policy import ListenerPolicy
from tf_emcom.rewards.reward import Reward
from tf_emcom.rules import Rules
from tf_emcom.seeds import Stream
from tf_emcom.tasks.discrimination import Discrimination
from tf_emcom.types import Batch, Message, Outcome, Play


class Game(Rules):
    """The rules: how messages travel, what the listener does and how it chooses, what is paid, what both learn from."""

    def __init__(
        self,
        channel: Channel,
        task: Discrimination,
        listener_policy: ListenerPolicy,
        reward: Reward,
        speaker_loss: Loss,
        listener_loss: Loss,
    ) -> None:
        """UserError where a part is not of its kind."""
        require_instance("Game.channel", channel, Channel, "@Erasure()")
        require_instance("Game.task", task, Discrimination, "@Discrimination()")
        require_instance("Game.listener_policy", listener_policy, ListenerPolicy, "@Greedy()")
        require_instance("Game.reward", reward, Reward, "@Success()")
        require_instance("Game.speaker_loss", speaker_loss, Loss, "@SpeakerReinforce()")
        require_instance("Game.listener_loss", listener_loss, Loss, "@ListenerReinforce()")
        self.channel = channel
        self.task = task
        self.listener_policy = listener_policy
        self.reward = reward
        self.speaker_loss = speaker_loss
        self.listener_loss = listener_loss

    def check_batch(self, batch_size: int) -> None:
        """UserError where a batch of so many games has too few candidates."""
        self.task.candidates_per_game(batch_size)

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

        Args:
          speaker: who speaks and learns.
          target_speaker: who scores the speaker's symbols.
          listener: who listens and learns.
          batch: this replica's games.
          candidate_inputs: [N, F], the inputs of all replicas' games.
          step: integer [], where schedules stand.
          stream: this step's random numbers.
        """
        speech = speaker.sample(batch.inputs, stream.stage("speaker"))
        target_speech = target_speaker.score(batch.inputs, speech.symbols)
        message = self.channel(Message(speech.symbols), speaker.vocab_size, step, stream.stage("channel"))
        candidates = self.task.candidates(candidate_inputs, stream.stage("candidates"))
        hearing = listener.hear(message, candidates)
        choice = self.listener_policy(hearing.scores, step, stream.stage("listener"))
        success = self.task.success(choice, candidates)
        outcome = Outcome(success, self.reward(success, hearing, candidates))
        return Play(batch, speech, target_speech, message, candidates, hearing, choice, outcome)
