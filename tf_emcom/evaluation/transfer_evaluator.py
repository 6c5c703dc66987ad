"""The inner evaluation loop of a transfer run."""

import copy
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tf_emcom.data.pipeline import Order
from tf_emcom.data.source import Examples
from tf_emcom.evaluation.metrics.measures import SampleMean
from tf_emcom.evaluation.player import not_finite
from tf_emcom.games.channels import Channel
from tf_emcom.games.transfer import TransferGame
from tf_emcom.seeds import Stream, stage_number
from tf_emcom.training.trainee import Agents
from tf_emcom.types import Batch, Message

# What the accuracy at a label is called among the means, before its number.
AT_LABEL = "accuracy at label "


class TransferEvaluator(tf.Module):
    """Measures a listener on the messages of held-out inputs; nothing is trained.

    It compiles once per number of games in a group: noises and seeds are data.
    """

    def __init__(self, learner: Agents, examples: Examples, jit_compile: bool, channel: Channel) -> None:
        """`examples` are a whole split, as `learner.prepare` made them; `channel` gets the noise of each test."""
        super().__init__()
        self.learner, self.examples, self._channel = learner, examples, channel
        self.game: TransferGame = learner.game  # type: ignore[assignment]  # `prepare` made the examples for it
        self.speaker, self.listener = learner.speaker_as(0), learner.listener_as(0)
        self._group = tf.function(self._metrics, jit_compile=jit_compile, autograph=False)

    def means(self, size: int, noise: float, passes: int, seed: int, split: str) -> dict[str, SampleMean]:
        """Every metric of the task, and the loss, in groups of `size` games; UserError where one is not finite.

        A task that chooses takes these as candidates, and drops incomplete groups. Each of the passes over the split
        has fresh masks; the seed is that of masks, shuffling and noise on the inputs. Where the task tells its labels
        apart, the accuracy at each of them is there, too: "accuracy at label 0" and so on.
        """
        examples = len(self.examples.inputs)
        totals: dict[str, np.ndarray] = {}
        counts = np.zeros(examples, np.int64)
        for number, rows in enumerate(self._groups(size, passes, seed, split)):
            # One number for every place in the evaluation, so that groups have masks of their own.
            place = stage_number(f"{size} {noise!r} {number}")
            found = self._group(self._batch(rows), tf.constant(noise, tf.float32), tf.constant([seed, place]))
            for name, values in found.items():
                finite = np.isfinite(values)
                if not finite.all():
                    what = f"values of {name} of the listener, with {size} games together,"
                    raise not_finite(what, f"noise {noise:g}", rows[np.argmin(finite)])
                totals.setdefault(name, np.zeros(examples))[rows] += values.numpy()
            counts[rows] += 1
        return {name: SampleMean(total, counts) for name, total in totals.items()}

    def pictures(self, count: int, seed: int) -> tuple[np.ndarray, np.ndarray] | None:
        """Targets and predictions of the first examples, without channel noise, for tasks that draw."""
        batch = self._batch(np.arange(min(count, len(self.examples.inputs))))
        stream = Stream(tf.constant([seed, 0]), tf.constant(0), batch.inputs.shape[0], batch.inputs.shape[0])
        spoken, _ = self.game.views(self.speaker, batch, batch.inputs, stream)
        pictures = self.game.task.pictures(self.listener, Message(spoken), batch)
        return pictures and tuple(picture.numpy() for picture in pictures)

    def _groups(self, size: int, passes: int, seed: int, split: str) -> Iterator[np.ndarray]:
        count = len(self.examples.inputs)
        if self.game.task.chooses_inputs:
            order = Order(count, size, seed, split)
            for step in range(passes * order.batches_per_epoch):
                yield order.indices(step)
            return
        for _ in range(passes):
            for start in range(0, count, size):
                yield np.arange(start, min(start + size, count))

    def _batch(self, rows: np.ndarray) -> Batch:
        labels = {name: tf.constant(values[rows]) for name, values in self.examples.labels.items()}
        return Batch(tf.cast(tf.constant(self.examples.inputs[rows]), tf.float32), labels)

    def _metrics(self, batch: Batch, noise: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """Metric → its values in the games of a group, [B]."""
        games = batch.inputs.shape[0]
        # The run's own game, with the noise of the test.
        game = copy.copy(self.game)
        game.channel = self._channel.with_noise(noise)
        stream = Stream(seed, tf.constant(0), games, games)
        terms = game.play(self.speaker, self.listener, batch, batch.inputs, tf.constant(0), stream)
        labels = [] if terms.by_label is None else tf.unstack(terms.by_label, axis=1)
        return {"loss": terms.loss, **terms.terms, **{f"{AT_LABEL}{i}": found for i, found in enumerate(labels)}}
