"""Speakers who learn from a speaker."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.agents.rows import bound, row_in
from tf_emcom.agents.speaker import Speaker
from tf_emcom.training.populations.population import Crowd
from tf_emcom.training.trainee import Metrics, Trainee, Turn


class Imitator(Trainee):
    """In every turn, a student learns to say what its teacher says of a batch (EaS, section 2.3).

    The teacher speaks greedily; the student learns by the cross-entropy of those symbols under teacher forcing, mean
    over symbols, with its own optimizer. Its moving average follows when it next plays. A turn's row is int32 [2]:
    teacher and student, who may be the same.
    """

    def __init__(self, crowd: Crowd) -> None:
        """`crowd` is where teachers and students live."""
        super().__init__()
        self.crowd = crowd
        self.game, self.batch_size, self.seed = crowd.game, crowd.batch_size, crowd.seed
        self.speakers, self.listeners = crowd.speakers, crowd.listeners

    @property
    def agents(self) -> dict[str, Sequence[keras.Variable]]:
        return self.crowd.agents

    @property
    def optimizer_state(self) -> dict[str, Sequence[keras.Variable]]:
        return self.crowd.optimizer_state

    def speaker_as(self, index: int) -> Speaker:
        return self.crowd.speaker_as(index)

    def listener_as(self, index: int) -> Listener:
        return self.crowd.listener_as(index)

    def gradients(self, turn: Turn) -> tuple[list[tf.Tensor], Metrics]:
        members = self.crowd.speaker_members
        speaker, inputs = members.model, turn.batch.inputs
        with bound(members.weights, members.rows.read(turn.row[0], members.weights)):
            taught = speaker.greedy(inputs).symbols
        student = members.rows.read(turn.row[1], members.weights)
        with bound(members.weights, student), tf.GradientTape(watch_accessed_variables=False) as tape:
            weights = [v.value for v in members.weights]
            tape.watch(weights)
            cross_entropy = -tf.reduce_mean(speaker.score(inputs, taught).log_probs, axis=1)
            loss = tf.reduce_sum(cross_entropy) / self.batch_size
        gradients = tape.gradient(loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return gradients, self.shares({"imitation_loss": cross_entropy})

    def apply(self, gradients: list[tf.Tensor], step: tf.Tensor, row: tf.Tensor) -> None:
        """Updates the student."""
        members = self.crowd.speaker_members
        changed = [*members.weights, *members.optimizer.state]
        with bound(changed, members.rows.read(row[1], changed)) as scope:
            members.optimizer.apply(gradients, step)
        members.rows.write(row[1], row_in(scope, changed), changed)
