"""Speakers and listeners who meet at random."""

from collections.abc import Callable

import tensorflow as tf

from tf_emcom.annotations import Repeats
from tf_emcom.errors import UserError, require_integer
from tf_emcom.game import Game
from tf_emcom.learner import Learner
from tf_emcom.populations.crowd import Crowd, Lesson
from tf_emcom.populations.members import Members
from tf_emcom.seeds import named_generator, named_seed, seed_words, step_stream
from tf_emcom.trainee import Metrics
from tf_emcom.types import Batch


class Population(Crowd):
    """n speakers and m listeners; in every step, k pairs drawn at random play and learn, one after the other (EaS).

    Pairs are drawn uniformly and with replacement, and all play the games of the step's batch. The metrics of a step
    are means over its pairs. With one speaker and one listener it is the pair alone.
    """

    def __init__(
        self,
        game: Game,
        learner_cls: Callable[..., Learner],
        features: int,
        batch_size: int,
        seed: int = 0,
        n_speakers: Repeats = 1,
        n_listeners: Repeats = 1,
        pairs_per_step: Repeats = 1,
        success_decay: float = 0.99,
    ) -> None:
        """Builds the agents.

        Args:
          game: the rules.
          learner_cls: makes a pair, and with it the layers that all agents share.
          features: F.
          batch_size: B, over all replicas.
          seed: of the initial weights and of every draw.
          n_speakers: n.
          n_listeners: m.
          pairs_per_step: k, at most n · m.
          success_decay: of each agent's running success, a turn; 1: the mean over its whole life.

        Raises:
          UserError: a number cannot be used.
        """
        require_integer("n_speakers", n_speakers, 1, "it counts the speakers of the population")
        require_integer("n_listeners", n_listeners, 1, "it counts the listeners of the population")
        require_integer("pairs_per_step", pairs_per_step, 1, "it counts the pairs that play in a step")
        if pairs_per_step > n_speakers * n_listeners:
            raise UserError(
                f"pairs_per_step is {pairs_per_step}, but {n_speakers} x {n_listeners} agents make"
                f" {n_speakers * n_listeners} different pairs; bind it to that or less, or raise n_speakers or"
                " n_listeners."
            )
        pair = learner_cls(game=game, features=features, batch_size=batch_size, seed=seed)
        self.pairs_per_step = pairs_per_step
        speakers = [pair.new_speaker(named_seed(seed, "speaker", i)) for i in range(1, n_speakers)]
        listeners = [pair.new_listener(named_seed(seed, "listener", i)) for i in range(1, n_listeners)]
        super().__init__(pair, [pair.speaker_values, *speakers], [pair.listener_values, *listeners], success_decay)

    def origin(self, index: int) -> tuple[int, int]:
        """They all belong to this run."""
        return self.seed, index

    def drawn(self, members: Members, *occasion: object) -> list[int]:
        """One of them, whoever it is."""
        return [int(named_generator(self.seed, "drawn", members.name, *occasion).integers(members.count))]

    def turns(self, step: tf.Tensor) -> tf.Tensor:
        """Two words of a seed, speaker and listener of every pair, int32 [k, 4]."""
        count = self.pairs_per_step
        numbers = tf.range(count)
        # The first turn draws what a pair draws that is alone.
        seeds = seed_words(self.seed)[tf.newaxis] + tf.stack([tf.zeros_like(numbers), numbers], axis=1)
        stream = step_stream(self.seed, step, tf.constant(0), count, count)
        speakers, listeners = (
            tf.cast(stream.stage(f"which {kind}").uniform() * many, tf.int32)
            for kind, many in (("speaker", self.speakers), ("listener", self.listeners))
        )
        return tf.concat([seeds, tf.stack([speakers, listeners], axis=1)], axis=1)

    def gradients(
        self, batch: Batch, candidate_inputs: tf.Tensor, step: tf.Tensor, first_game: tf.Tensor, turn: tf.Tensor
    ) -> tuple[Lesson, Metrics]:
        """One replica's share of what the turn's pair learns, and of the metrics; as for every trainee."""
        speaker, listener = self.speaker_members, self.listener_members
        row = speaker.rows.read(turn[2], [*speaker.weights, *speaker.averages])
        row += listener.rows.read(turn[3], listener.weights)
        return self.played(row, batch, candidate_inputs, step, first_game, turn)

    def apply(self, gradients: Lesson, step: tf.Tensor, turn: tf.Tensor) -> None:
        """Updates the turn's pair, and nobody else."""
        speaker, listener = self.speaker_members.rows, self.listener_members.rows
        row = self.taught(speaker.read(turn[2]) + listener.read(turn[3]), gradients, step, turn)
        speaker.write(turn[2], row[: len(speaker.variables)])
        listener.write(turn[3], row[len(speaker.variables) :])
