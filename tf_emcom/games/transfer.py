"""The game of a new listener that learns the language of a speaker which no longer changes."""

import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.agents.speaker import Speaker
from tf_emcom.games.channels import Channel, transmit
from tf_emcom.games.lewis import Rules, noisy_views
from tf_emcom.games.transfer_tasks import TransferTask
from tf_emcom.seeds import Stream
from tf_emcom.types import Batch, LossTerms

# The label under which messages travel that were spoken before the training began.
MESSAGES = "messages"


class TransferGame(Rules):
    """Ease and transfer learning: what a new listener makes of the messages, by supervision (EaS, section 2.4; NEC)."""

    is_transfer = True

    def __init__(self, channel: Channel, task: TransferTask) -> None:
        self.channel = channel
        self.task: TransferTask = task

    @property
    def speaks_once(self) -> bool:
        """Whether the speaker says the same of an input at every step, so that it needs to be asked only once."""
        return self.task.input_noise == 0.0

    def play(
        self,
        speaker: Speaker,
        listener: Listener,
        batch: Batch,
        candidate_inputs: tf.Tensor,
        step: tf.Tensor,
        stream: Stream,
    ) -> LossTerms:
        """Plays and judges the games of one replica, loss and metrics [B].

        The speaker is greedy; where it speaks once, its messages are among the labels of `batch`. `candidate_inputs` is
        [N, F], of the games of all replicas; schedules stand at `step`, integer [].
        """
        spoken, shown = self.views(speaker, batch, candidate_inputs, stream)
        message = transmit(self.channel, speaker, spoken, step, stream.stage("channel"))
        return self.task.lesson(listener, message, batch, shown, stream.stage("task"))

    def views(
        self, speaker: Speaker, batch: Batch, candidate_inputs: tf.Tensor, stream: Stream
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """What the speaker says, [B, T], and what the listener sees, [N, F]: two views of the inputs.

        With input noise, both see every input with a noise of its own (NEC), unless the messages were spoken before.
        """
        if self.speaks_once:
            return batch.labels[MESSAGES], candidate_inputs
        seen, shown = noisy_views(batch, candidate_inputs, tf.constant(self.task.input_noise), 2, stream)
        return batch.labels[MESSAGES] if MESSAGES in batch.labels else speaker.greedy(seen).symbols, shown
