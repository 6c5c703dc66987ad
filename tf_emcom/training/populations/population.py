"""Populations of agents, and who plays with whom."""

import abc
from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.agents.rows import Row, bound, row_in
from tf_emcom.agents.speaker import Speaker
from tf_emcom.checks import Repeats, Share
from tf_emcom.errors import UserError
from tf_emcom.games.lewis import Game
from tf_emcom.seeds import named_generator, named_seed, seed_words, step_stream
from tf_emcom.training.learner import Gradients, Learner, values_of
from tf_emcom.training.populations.members import Members, Weights
from tf_emcom.training.trainee import Metrics, Trainee, Turn


class Lesson(NamedTuple):
    """What a pair takes from a turn; shares are summed over replicas before they are applied."""

    gradients: Gradients
    success: tf.Tensor  # [], mean over the games


class Crowd(Trainee):
    """Speakers and listeners that share the layers of one pair, each with a row of its own.

    A subclass says who plays with whom.
    """

    def __init__(
        self, pair: Learner, speakers: Sequence[Weights], listeners: Sequence[Weights], success_decay: Share
    ) -> None:
        """Takes the layers of a pair, and the first weights of every agent."""
        super().__init__()
        self.pair = pair
        self.game: Game = pair.game
        self.batch_size, self.seed = pair.batch_size, pair.seed
        self.speakers, self.listeners = len(speakers), len(listeners)
        averages = pair.target_speaker.trainable_variables
        self.speaker_members = Members(
            *("speaker", pair.speaker, averages, pair.speaker_optimizer, pair.new_speaker, speakers, success_decay)
        )
        self.listener_members = Members(
            *("listener", pair.listener, (), pair.listener_optimizer, pair.new_listener, listeners, success_decay)
        )

    @abc.abstractmethod
    def origin(self, index: int) -> tuple[int, int]:
        """The seed of the run that agent `index` belongs to, and which agent it is there."""

    @abc.abstractmethod
    def drawn(self, members: Members, *occasion: object, count: int = 1) -> list[int]:
        """Who is drawn at an occasion, such as ("ResetOfPair", 100): `count` at random of every run, all different."""

    @property
    def agents(self) -> dict[str, Sequence[keras.Variable]]:
        speaker, listener = self.speaker_members, self.listener_members
        return {
            "speaker": speaker.rows.stacks_of(speaker.weights),
            "target_speaker": speaker.rows.stacks_of(speaker.averages),
            "listener": listener.rows.stacks_of(listener.weights),
        }

    @property
    def optimizer_state(self) -> dict[str, Sequence[keras.Variable]]:
        kept: dict[str, Sequence[keras.Variable]] = {}
        for members in (self.speaker_members, self.listener_members):
            kept[f"{members.name}_optimizer"] = members.rows.stacks_of(members.optimizer.state)
            kept[f"{members.name}_success"] = members.rows.stacks_of(members.success.state)
        return kept

    def speaker_as(self, index: int) -> Speaker:
        return self.speaker_members.lend(index)

    def listener_as(self, index: int) -> Listener:
        return self.listener_members.lend(index)

    def seed_for(self, members: Members, index: int, *occasion: object) -> int:
        """The seed of first weights of agent `index`, another one for each occasion, such as ("ResetOfPair", 100)."""
        seed, index = self.origin(index)
        return named_seed(seed, members.name, index, *occasion)

    @property
    def playing(self) -> list[keras.Variable]:
        """What of a speaker and a listener a game needs: weights, the speaker's moving average, weights."""
        return [*self.speaker_members.weights, *self.speaker_members.averages, *self.listener_members.weights]

    @property
    def learning(self) -> list[keras.Variable]:
        """All that a lesson changes of a speaker and then of a listener."""
        return [*self.speaker_members.rows.variables, *self.listener_members.rows.variables]

    def played(self, weights: Row, turn: Turn) -> tuple[Lesson, Metrics]:
        """What the pair with these weights, a row of `playing`, takes from its turn."""
        with bound(self.playing, weights):
            gradients, metrics = self.pair.gradients(turn)
        return Lesson(gradients, metrics["accuracy"]), metrics

    def taught(self, weights: Row, lesson: Lesson, step: tf.Tensor, row: tf.Tensor) -> Row:
        """The pair's new state, in the order of `learning`, after this update; `row` is that of the turn."""
        with bound(self.learning, weights) as scope:
            self.teach(lesson, step, row)
        return row_in(scope, self.learning)

    def teach(self, lesson: Lesson, step: tf.Tensor, row: tf.Tensor) -> None:
        """Updates the pair that the layers hold."""
        self.pair.apply(lesson.gradients, step, row)
        for members in (self.speaker_members, self.listener_members):
            members.success.update(lesson.success)


class Population(Crowd):
    """n speakers and m listeners; in every step, k pairs drawn at random play and learn, one after the other (EaS).

    Pairs are drawn uniformly and with replacement, and all play the games of the step's batch. The metrics of a step
    are means over its pairs. With one speaker and one listener it is the pair alone.

    Agents may learn at speeds of their own (Rita et al. 2022, "On the role of population heterogeneity in emergent
    communication", whose code has it as `p_step`). A speed is the probability with which an agent learns from a turn
    that it plays. Otherwise it stays as it is, optimizer and all; only its running success goes on.
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
        success_decay: Share = 0.99,
        speaker_speeds: Sequence[Share] | None = None,
        listener_speeds: Sequence[Share] | None = None,
    ) -> None:
        """Builds n = `n_speakers` and m = `n_listeners` agents; k = `pairs_per_step`, at most n · m.

        `learner_cls` makes a pair, and with it the layers that all agents share. Running success keeps `success_decay`
        a turn; 1: it is the mean over an agent's whole life. There is one speed an agent; None: all learn always.
        """
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
        speakers, listeners = [values_of(pair.speaker), *speakers], [values_of(pair.listener), *listeners]
        super().__init__(pair, speakers, listeners, success_decay)
        self.speeds = {"speaker": speaker_speeds, "listener": listener_speeds}
        for members in (self.speaker_members, self.listener_members):
            speeds = self.speeds[members.name]
            if speeds is not None and len(speeds) != members.count:
                raise UserError(
                    f"{members.name}_speeds has {len(speeds)} numbers, but there are {members.count} {members.name}s;"
                    " bind it to one number for each, or to None."
                )

    def origin(self, index: int) -> tuple[int, int]:
        return self.seed, index

    def drawn(self, members: Members, *occasion: object, count: int = 1) -> list[int]:
        generator = named_generator(self.seed, "drawn", members.name, *occasion)
        # Whoever is drawn first is the same however many are drawn.
        first = int(generator.integers(members.count))
        others = [i for i in range(members.count) if i != first]
        return [first, *generator.permutation(others)[: count - 1].tolist()]

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

    def gradients(self, turn: Turn) -> tuple[Lesson, Metrics]:
        speaker, listener = self.speaker_members, self.listener_members
        weights = speaker.rows.read(turn.row[2], [*speaker.weights, *speaker.averages])
        weights += listener.rows.read(turn.row[3], listener.weights)
        return self.played(weights, turn)

    def apply(self, gradients: Lesson, step: tf.Tensor, row: tf.Tensor) -> None:
        """Updates the turn's pair, and nobody else."""
        players = ((self.speaker_members, row[2]), (self.listener_members, row[3]))
        for members, index in players:
            members.rows.load(index)
        before = [self._before(members) for members, _ in players]
        self.teach(gradients, step, row)
        for (members, index), old in zip(players, before, strict=True):
            if old:
                self._slow_down(members, index, old, step, row)
            members.rows.store(index)

    def _before(self, members: Members) -> Row:
        """What the layers hold of an agent that may not learn from its turn; of others, nothing is needed."""
        is_slow = self.speeds[members.name] is not None
        return [tf.identity(variable.value) for variable in members.rows.variables] if is_slow else []

    def _slow_down(self, members: Members, index: tf.Tensor, before: Row, step: tf.Tensor, row: tf.Tensor) -> None:
        """Takes back what agent `index` has learnt, if it does not learn from this turn; its running success stays."""
        stream = step_stream(row[:2], step, tf.constant(0), 1, 1).stage(f"whether the {members.name} learns")
        learns = stream.uniform()[0] < tf.gather(tf.constant(self.speeds[members.name], tf.float32), index)
        played = set(map(id, members.success.state))
        for variable, old in zip(members.rows.variables, before, strict=True):
            if id(variable) not in played:
                variable.assign(tf.where(learns, variable.value, old))
