"""Several runs of one experiment at once."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.agents.speaker import Speaker
from tf_emcom.checks import Repeats, Share
from tf_emcom.errors import UserError
from tf_emcom.games.lewis import Game
from tf_emcom.ops.numbers import follow
from tf_emcom.schedules import combinations, number_at, varied_in
from tf_emcom.seeds import seed_words
from tf_emcom.training.learner import Learner, values_of
from tf_emcom.training.populations.members import Members
from tf_emcom.training.populations.population import Crowd, Lesson
from tf_emcom.training.trainee import Metrics, Turn


class IndependentPairs(Crowd):
    """Pairs that never meet: pair i is the run with the seed `seed` + i, weights, batches, draws and all.

    Where numbers are `Varied`, there are so many pairs for each combination of them, one combination after the other.
    Whatever takes a schedule can vary: it enters a step as data, and each pair has its own, as if it were alone.

    All pairs play at the same time: their games are one tensor more of rank, so that a small game fills a machine that
    it could not fill alone. Metrics are [R], one number a pair. Batches have an axis more, too: inputs [B, R, F].
    """

    independent = True

    def __init__(
        self,
        game: Game,
        learner_cls: Callable[..., Learner],
        features: int,
        batch_size: int,
        seed: int = 0,
        seeds: Repeats = 2,
        success_decay: Share = 0.99,
        n_speakers: int = 1,
        n_listeners: int = 1,
    ) -> None:
        """Builds the agents of R pairs, each as its own run would; UserError unless that has one pair.

        R is the number of `seeds`, times that of the combinations of what is `Varied`.
        """
        for name, count in (("n_speakers", n_speakers), ("n_listeners", n_listeners)):
            if count != 1:
                several = f"with seeds = {seeds}" if seeds > 1 else "where numbers are Varied"
                raise UserError(
                    f"{name} is {count}, but {several} each run is of one speaker and one listener; bind {name} to 1,"
                    " or start a run for each seed and each number."
                )
        made = [learner_cls(game=game, features=features, batch_size=batch_size, seed=seed + i) for i in range(seeds)]
        speakers, listeners = [values_of(pair.speaker) for pair in made], [values_of(pair.listener) for pair in made]
        varied = varied_in(made[0])
        settings = combinations(varied)
        super().__init__(made[0], len(settings) * speakers, len(settings) * listeners, success_decay)
        self._seeds = [seed + i for _ in settings for i in range(seeds)]
        self._varied = [setting for setting in settings for _ in range(seeds)]
        # What the layers' pair has of each, and what all pairs have, [R].
        self._variables = [each.prepare() for each in varied]
        self._columns = [np.array([run[each.name] for run in self._varied], np.float32) for each in varied]

    def origin(self, index: int) -> tuple[int, int]:
        return self._seeds[index], 0

    def drawn(self, members: Members, *occasion: object, count: int = 1) -> list[int]:
        return list(range(members.count))  # Each run has one of a kind.

    def seeds(self) -> list[int]:
        return list(self._seeds)

    def varied(self) -> list[dict[str, float]]:
        return [dict(run) for run in self._varied]

    def noises(self, step: int) -> list[float]:
        found: list[float] = []
        for index in range(self.speakers if self._variables else 1):
            self._play_as(index)
            found += super().noises(step)
        return found

    def speaker_as(self, index: int) -> Speaker:
        self._play_as(index)
        return super().speaker_as(index)

    def listener_as(self, index: int) -> Listener:
        self._play_as(index)
        return super().listener_as(index)

    def _play_as(self, index: int) -> None:
        """Games that are played outside of a step, as in validation, have the numbers of this pair."""
        for variable, column in zip(self._variables, self._columns, strict=True):
            variable.assign(column[index])

    @property
    def playing(self) -> list[keras.Variable]:
        return [*super().playing, *self._variables]

    @property
    def learning(self) -> list[keras.Variable]:
        return [*super().learning, *self._variables]

    def turns(self, step: tf.Tensor) -> tf.Tensor:
        """One turn, with a seed for each pair, int32 [1, R, 2]."""
        return tf.stack([seed_words(seed) for seed in self.seeds()])[tf.newaxis]

    def gradients(self, turn: Turn) -> tuple[Lesson, Metrics]:
        """As for every trainee, but games are [b, R, ...], the row is [R, 2], and what returns has a leading axis R."""
        speaker, listener = self.speaker_members, self.listener_members
        stacks = speaker.rows.stacks_of([*speaker.weights, *speaker.averages])
        stacks += listener.rows.stacks_of(listener.weights)

        def one(given: tuple[Any, ...]) -> tuple[Lesson, Metrics]:
            weights, games, candidates, row = given
            return self.played(weights, Turn(games, candidates, turn.step, turn.first_game, row))

        # [B, R, ...] ↦ [R, B, ...]
        games, candidates = tf.nest.map_structure(
            lambda v: tf.experimental.numpy.swapaxes(v, 0, 1), (turn.batch, turn.candidate_inputs)
        )
        given = ([*(s.value for s in stacks), *self._columns], games, candidates, turn.row)
        return tf.vectorized_map(one, tf.nest.map_structure(tf.convert_to_tensor, given), warn=False)

    def apply(self, gradients: Lesson, step: tf.Tensor, row: tf.Tensor) -> None:
        if self._learn_alike:
            self._teach_all(gradients, step)
        else:
            self._teach_each(gradients, step, row)

    @property
    def _learn_alike(self) -> bool:
        """Whether all pairs learn by the same numbers, and each weight by itself."""
        optimizers = (self.pair.speaker_optimizer, self.pair.listener_optimizer)
        is_usual = type(self.pair).apply is Learner.apply
        return is_usual and not self._variables and all(each.works_on_stacks for each in optimizers)

    def _teach_all(self, lesson: Lesson, step: tf.Tensor) -> None:
        """What `Learner.apply` does to one pair, for all at once: stacks are updated in place."""
        speaker, listener = self.speaker_members, self.listener_members
        for members, gradients in zip((speaker, listener), lesson.gradients, strict=True):
            members.optimizer.apply_to_stacks(members.rows.stacks_of, gradients, step)
            members.success.update(lesson.success, members.rows.stacks_of(members.success.state))
        averages, weights = speaker.rows.stacks_of(speaker.averages), speaker.rows.stacks_of(speaker.weights)
        follow(averages, weights, number_at(self.pair.target_decay, step))

    def _teach_each(self, lesson: Lesson, step: tf.Tensor, row: tf.Tensor) -> None:
        stacks = [*self.speaker_members.rows.stacks, *self.listener_members.rows.stacks]

        def one(given: tuple[Any, ...]) -> list[tf.Tensor]:
            weights, own, own_row = given
            return self.taught(weights, own, step, own_row)[: len(stacks)]

        given = ([*(tf.convert_to_tensor(s.value) for s in stacks), *map(tf.constant, self._columns)], lesson, row)
        for stack, value in zip(stacks, tf.vectorized_map(one, given, warn=False), strict=True):
            stack.assign(value)
