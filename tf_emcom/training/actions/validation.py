"""Held-out games while agents learn, and the checkpoint that is best in them."""

import math
from typing import Any

import numpy as np
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.agents.speaker import Speaker
from tf_emcom.checks import Checked, Count
from tf_emcom.data.feeds import HostFeed
from tf_emcom.data.pipeline import Order, Pipeline
from tf_emcom.data.source import Examples
from tf_emcom.errors import UserError
from tf_emcom.games.lewis import Game
from tf_emcom.games.losses import ListenerClassification, ListenerContrastive, Loss
from tf_emcom.games.policies import Greedy
from tf_emcom.games.transfer import TransferGame
from tf_emcom.runtime.checkpoint_files import checkpoint_steps, remove_all_but
from tf_emcom.seeds import Stream, named_seed, seed_words, step_stream, step_tensor
from tf_emcom.training.actions.action import Action, TrainingState, by_setting
from tf_emcom.training.actions.checkpoint import require_finite
from tf_emcom.training.trainee import Metrics, Trainee
from tf_emcom.types import Batch, Speech


class Validation(Action):
    """Every so many steps and after the last one, plays held-out games, and keeps the checkpoint that is best in them.

    The best is the one with the least listener loss, as EaS selects it (appendix A.4): the cross-entropy of the right
    answer, mean over games and pairs, whatever the listener learns from; in a transfer run the loss of its task. Games
    are those of the run, but agents are greedy, and all schedules stand at the run's last step: the channel's noise is
    what it rises to. They are the same games every time, with draws of their own, so that values differ by the agents
    alone and training goes on as if nothing had been played. A population plays all speakers with all listeners, of the
    first ten of each; the best of several runs at once is that of their mean.

    A line of validation.jsonl holds the step, `listener_loss`, `accuracy` (where the task has one), the number of
    `games` of each pair, and every pair's numbers, `by_pair` or `by_seed`, in the order of `Agents.pairs`, as are the
    numbers in which runs are `varied`. The weights are in best/, and `tf-emcom evaluate --checkpoint=best` tests them.
    """

    keeps = True
    curves = {
        "listener_loss": "listener/validation_loss",
        "accuracy": "game/validation_accuracy",
    }

    def __init__(
        self, every: Count = 1000, split: str = "valid", batches: Count = 10, loss: Loss | None = None
    ) -> None:
        """Plays up to `batches` batches of a `split` of the run's data, as large as the run's; what is left is unused.

        `loss` is a loss of listeners that is measured instead of the cross-entropy.
        """
        self.every: int = every
        self.split = split
        self.batches = batches
        self.loss = loss
        self._best = math.inf
        self._examiner: Examiner | None = None

    def check(self, learner: Trainee) -> None:
        if self.loss and learner.game.is_transfer:
            raise UserError("Validation.loss is for games; leave it out in a transfer run, whose task has a loss.")

    def begin(self, training: TrainingState) -> None:
        """Loads the split; drops the lines and the checkpoints of steps that will be done again."""
        folder = training.folder
        folder.forget_validation_after(training.step)
        kept = [step for step in checkpoint_steps(folder.new_best) if step <= training.step]
        remove_all_but(folder.new_best, kept)
        # What is on the disk says what was best so far, so that nothing needs to be kept in other checkpoints.
        known = [row["listener_loss"] for row in folder.read_validation() if row["step"] in kept]
        self._best = min((loss for loss in known if loss is not None), default=math.inf)
        learner, data = training.learner, training.data
        if data is None:
            raise UserError("Validation has no data to play on; give TrainingState the run's data set.")
        found = data.load(self.split, learner.labels)
        examples = Examples(*learner.prepare(found.inputs, found.labels, data.name))
        self._examiner = Examiner(training, examples, self.split, self.batches, self.loss)

    def act(self, training: TrainingState) -> dict[str, float]:
        """Measures, keeps the checkpoint where it is the best so far, and writes the line."""
        examiner, placed, learner = self._examiner, training.distribution, training.learner
        by_pair = examiner.measured()  # type: ignore[union-attr]  # `begin` made it
        means = {name: float(np.mean(values)) for name, values in by_pair.items()}
        # Processes may round otherwise, but all have to save, or none.
        if placed.agree(placed.is_chief and means["listener_loss"] < self._best):
            require_finite(training)
            self._save(training)
            self._best = means["listener_loss"]
        row: dict[str, Any] = {"step": training.step, **{name: _finite(value) for name, value in means.items()}}
        row["games"] = examiner.games * examiner.batches  # type: ignore[union-attr]
        if len(learner.pairs()) > 1:
            each = {name: [_finite(value) for value in values] for name, values in by_pair.items()}
            row["by_seed" if learner.independent else "by_pair"] = each
        settings = by_setting(learner, by_pair)
        if settings:
            row["varied"] = learner.varied()
        training.folder.append_validation(row)
        return {name: value for name, value in (means | settings).items() if math.isfinite(value)}

    def _save(self, training: TrainingState) -> None:
        """Saves the agents, then removes what was best before, unless it is where a killed run would resume with it."""
        folder = training.folder.new_best
        training.checkpoints.save_agents(folder, training.step)
        found = checkpoint_steps(folder)
        # The step before is where a run resumes that is made longer after this step.
        resumed = [training.step, training.step - 1, *checkpoint_steps(training.folder.new_checkpoints)]
        remove_all_but(folder, {max((best for best in found if best <= step), default=0) for step in resumed})


class Examiner(Checked):
    """Plays the same held-out games again and again with the agents as they are, on all replicas; nothing is learnt.

    It compiles once: agents, batches and seeds are data. Every speaker speaks once and every listener is asked once
    about all it hears, since agents take turns in one model.

    Attributes:
      games: how many are played together, B: as many as in a step, or all that the split has.
      batches: how many of those.
    """

    def __init__(
        self, training: TrainingState, examples: Examples, split: str, most: int, loss: Loss | None
    ) -> None:
        """`examples` are the split, as `Trainee.prepare` made them; UserError where their games cannot be played."""
        self._learner: Trainee = training.learner
        self._placed = training.distribution
        self._last = training.steps - 1
        self._loss = loss or _cross_entropy(self._learner)
        count = len(examples.inputs)
        self.games = _games(training, count, split)
        self.batches = min(most, count // self.games)
        feed = HostFeed(examples, tuple(examples.labels))
        self._pipelines = {
            seed: Pipeline(examples, Order(count, self.games, named_seed(seed, "validation"), split), feed=feed)
            for seed in self._learner.seeds()
        }
        self._words = {seed: seed_words(seed) for seed in self._learner.seeds()}
        # One model each, in which agents take turns.
        self._speaker: Speaker = self._learner.speaker_as(0)
        self._listener: Listener = self._learner.listener_as(0)
        self._speech, self._share = self._placed.compiled(self._spoken), self._placed.compiled(self._judged)
        # Not what is compiled already, in which `Mirrored` would compile all replicas as one.
        self._whole_speech = self._placed.compiled_whole(lambda batch: self._speech(batch))
        self._whole = self._placed.compiled_whole(self._replica)

    def measured(self) -> dict[str, np.ndarray]:
        """Name ↦ the mean over the games of each pair, [pairs] in the order of `Agents.pairs`."""
        learner, strategy = self._learner, self._placed.strategy
        seeds = learner.seeds() if learner.independent else [learner.seed] * len(learner.pairs())
        groups: dict[int, list[tuple[int, int]]] = {}
        for seed, pair in zip(seeds, learner.pairs(), strict=True):
            groups.setdefault(seed, []).append(pair)
        found: dict[tuple[int, int], list[Metrics]] = {}
        for seed, pairs in groups.items():
            batches = [self._pipelines[seed].at(strategy, number) for number in range(self.batches)]
            said: dict[int, list[Any]] = {}
            for speaker in dict.fromkeys(speaker for speaker, _ in pairs):
                learner.speaker_as(speaker)
                said[speaker] = [self._speak(batch) for _, batch in batches]
            for listener in dict.fromkeys(listener for _, listener in pairs):
                learner.listener_as(listener)
                for speaker in (speaker for speaker, other in pairs if other == listener):
                    heard = zip(batches, said[speaker], strict=True)
                    found[speaker, listener] = [self._hear(*batch, words, self._words[seed]) for batch, words in heard]
        metrics = [found[pair] for pair in learner.pairs()]
        return {
            name: np.array([np.mean([float(part[name]) for part in parts]) for parts in metrics])
            for name in metrics[0][0]
        }

    @tf.function(autograph=False)
    def _speak(self, batch: Any) -> Any:
        """What the speaker says of each replica's games; nothing in a transfer run, whose game has it spoken."""
        return () if self._learner.game.is_transfer else self._placed.strategy.run(self._whole_speech, args=(batch,))

    @tf.function(autograph=False)
    def _hear(self, number: tf.Tensor, batch: Any, said: Any, words: tf.Tensor) -> Metrics:
        """The means over the games of a batch, of this number and seed, about which each replica's words were said."""
        metrics = self._placed.strategy.run(self._whole, args=(number, batch, said, words))
        return self._placed.first_replica(metrics)

    def _replica(self, number: tf.Tensor, batch: Batch, said: Any, words: tf.Tensor) -> Metrics:
        # As in a step of training, where collectives stand outside of what is compiled.
        candidate_inputs = self._placed.gather(batch.inputs)
        own = batch.inputs.shape[0]
        first_game = self._placed.replica_id() * own
        stream = step_stream(words, number, first_game, own, self.games)
        return self._placed.sum(self._share(batch, said, candidate_inputs, stream.seed, first_game))

    def _spoken(self, batch: Batch) -> tuple[tf.Tensor, ...]:
        speech = self._speaker.greedy(batch.inputs)
        return speech.symbols, speech.log_probs, speech.entropy, speech.lengths

    def _judged(
        self, batch: Batch, said: tuple[tf.Tensor, ...], inputs: tf.Tensor, seed: tf.Tensor, first_game: tf.Tensor
    ) -> Metrics:
        """One replica's share of the means."""
        stream = Stream(seed, first_game, batch.inputs.shape[0], self.games).stage("validation")
        game, step = self._learner.game, step_tensor(self._last)
        if isinstance(game, TransferGame):
            terms = game.play(self._speaker, self._listener, batch, inputs, step, stream)
            accuracy = {name: values for name, values in terms.terms.items() if name == "accuracy"}
            per_game = {"listener_loss": terms.loss, **accuracy}
        else:
            per_game = self._played(game, batch, said, inputs, step, stream)
        return {name: tf.reduce_sum(values) / self.games for name, values in per_game.items()}

    def _played(
        self, game: Any, batch: Batch, said: tuple[tf.Tensor, ...], inputs: tf.Tensor, step: tf.Tensor, stream: Stream
    ) -> Metrics:
        """As `Game.play`, with a greedy speaker and a greedy listener: loss and success, each [b]."""
        symbols, log_probs, entropy, lengths = said
        speech = Speech(symbols, log_probs, entropy, None, None, None, lengths=lengths)
        spoken = self._speaker, speech, speech
        play = game.answered(*spoken, self._listener, Greedy(), batch, inputs, step, stream)
        return {"listener_loss": self._loss(play, step).loss, "accuracy": play.outcome.success}


def _cross_entropy(learner: Trainee) -> Loss:
    """The loss of the right answer; the game's own where its task knows no answers."""
    game = learner.game
    if isinstance(game, Game) and game.task.answer is None:
        return game.listener_loss
    return ListenerContrastive() if game.task.chooses_inputs else ListenerClassification()


def _games(training: TrainingState, count: int, split: str) -> int:
    """How many games are played together, of a split with so many examples; UserError where that is not possible."""
    size, replicas = training.learner.batch_size, training.distribution.replicas
    if count >= size:
        return size
    fewer = count - count % replicas
    try:
        if not fewer:
            raise UserError(f"each of {replicas} replicas needs one; take a larger split.")
        training.learner.game.task.check_batch(fewer)
    except UserError as error:
        sentence = f"The {split} split has {count} examples, and Validation cannot play games of so few: {error}"
        raise UserError(sentence) from error
    if training.distribution.is_chief:
        print(f"Note: the {split} split has {count} examples, so Validation plays {fewer} games at a time.", flush=True)
    return fewer


def _finite(value: float) -> float | None:
    """A number as JSON has it; None where it is NaN or infinite."""
    return float(value) if math.isfinite(value) else None
