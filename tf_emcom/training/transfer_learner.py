"""A new listener, and what teaches it."""

from collections.abc import Callable, Sequence
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.agents.speaker import Speaker
from tf_emcom.agents.transcriber import Transcriber
from tf_emcom.checks import Count
from tf_emcom.errors import UserError
from tf_emcom.games.transfer import MESSAGES, TransferGame
from tf_emcom.seeds import drawing_from
from tf_emcom.training.optimizers import Optimizer
from tf_emcom.training.trainee import Labels, Metrics, Trainee, Turn
from tf_emcom.types import Batch


class SpeakerSource(Protocol):
    """Where a trained speaker comes from."""

    def speaker(self, features: int) -> Speaker:
        """It, with its weights, for inputs of `features` features."""

    def documents(self) -> dict[str, str]:
        """File name → text: what is needed to build it again."""

    def subjects(self, count: int, seed: int) -> np.ndarray | None:
        """Which inputs its messages are about, as `Agents.subjects`; anything random is drawn from the seed."""


class TransferLearner(Trainee):
    """A listener that learns a transfer task from the greedy messages of a trained speaker, which stays as it is."""

    def __init__(
        self,
        game: TransferGame,
        speaker_source: SpeakerSource,
        listener_cls: Callable[..., Listener],
        listener_optimizer_cls: Callable[[Sequence[keras.Variable]], Optimizer],
        features: int,
        batch_size: Count,
        seed: int = 0,
        vocab_size: int | None = None,
        message_length: int | None = None,
    ) -> None:
        """Restores the speaker and builds the listener, for inputs of `features` features.

        `listener_cls` makes it for a given vocabulary and head. The speaker should have the given `vocab_size` and
        `message_length`, where there are any.

        Raises:
          UserError: the speaker cannot be restored, or is another one than was asked for.
        """
        super().__init__()
        self.game: TransferGame = game
        self.batch_size = batch_size
        self.seed = seed
        self.speaker_source = speaker_source
        self.speaker = speaker_source.speaker(features)
        _check_same("vocab_size", vocab_size, self.speaker.vocab_size)
        _check_same("message_length", message_length, self.speaker.message_length)
        # After the speaker is built, so that the listener's first weights do not depend on the speaker's architecture.
        with drawing_from(seed & 0x7FFFFFFF):
            self.listener = listener_cls(vocab_size=self.speaker.vocab_size, head_cls=game.task.head)
            self.listener.check_speaker(self.speaker.vocab_size, self.speaker.message_length)
            self.listener.build((batch_size, features))
        self.listener_optimizer = listener_optimizer_cls(self.listener.trainable_variables)

    @property
    def agents(self) -> dict[str, Sequence[keras.Variable]]:
        return {"speaker": self.speaker.trainable_variables, "listener": self.listener.trainable_variables}

    @property
    def optimizer_state(self) -> dict[str, Sequence[keras.Variable]]:
        return {"listener_optimizer": self.listener_optimizer.state}

    def prepare(self, inputs: np.ndarray, labels: Labels, data: str) -> tuple[np.ndarray, Labels]:
        return with_messages(self.game, self.subjects(len(inputs)), self.speaker, inputs, labels, data)

    def subjects(self, count: int) -> np.ndarray | None:
        return self.speaker_source.subjects(count, self.seed)

    def documents(self) -> dict[str, str]:
        return self.speaker_source.documents()

    def gradients(self, turn: Turn) -> tuple[list[tf.Tensor], Metrics]:
        batch = _from_beside(turn.batch) if self.is_control else turn.batch
        weights = [v.value for v in self.listener.trainable_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            stream = turn.stream(self.batch_size)
            terms = self.game.play(self.speaker, self.listener, batch, turn.candidate_inputs, turn.step, stream)
            loss = tf.reduce_sum(terms.loss) / self.batch_size
        gradients = tape.gradient(loss, weights, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return gradients, self.shares({"loss": terms.loss, **terms.terms})

    def apply(self, gradients: list[tf.Tensor], step: tf.Tensor, row: tf.Tensor) -> None:
        """Updates the listener; the speaker has no optimiser."""
        self.listener_optimizer.apply(gradients, step)


def strangers(count: int, seed: int) -> np.ndarray:
    """For each game, the index of the other input that its message describes, as for `Agents.subjects`.

    The last eighth of the `count` inputs of a split is set aside to be talked about, by turns and in random order; it
    is never a candidate, so that a message says nothing of any candidate, not even that it is a wrong one. UserError
    where there are fewer than two inputs.
    """
    if count < 2:
        raise UserError(
            f"There are {count} inputs, but a control whose messages are about other inputs needs 2 or more; take a"
            " larger split."
        )
    aside = max(1, count // 8)
    about = np.resize(np.arange(count - aside, count), count - aside)
    return np.random.Generator(np.random.PCG64(seed)).permutation(about)


def _from_beside(batch: Batch) -> Batch:
    """A control's games, each with the message of the game beside it, the last of an odd number with its own.

    Which games are beside each other changes with every epoch, so that no message can be learnt by heart.
    """
    messages = batch.labels[MESSAGES]
    games = messages.shape[0]
    beside = np.minimum(np.arange(games) ^ 1, games - 1)
    return batch._replace(labels={**batch.labels, MESSAGES: tf.gather(messages, beside)})


def with_messages(
    game: TransferGame, subjects: np.ndarray | None, speaker: Speaker, inputs: np.ndarray, labels: Labels, data: str
) -> tuple[np.ndarray, Labels]:
    """The labels of a data set, with the speaker's messages about its inputs where it needs to speak only once.

    Inputs that nobody looks at any more are left out. Where messages are about other inputs, `subjects` as those of
    `Agents`, they are spoken once, about inputs without noise, and inputs that are only talked about are left out, too.
    UserError where the data set called `data` does not fit the task.
    """
    game.task.check_labels(labels, data)
    if subjects is None and not game.speaks_once:
        return inputs, labels
    transcriber = Transcriber(speaker, jit_compile=False)
    if subjects is None:
        messages = transcriber.messages(inputs)
    else:
        rows, place = np.unique(subjects, return_inverse=True)
        messages = transcriber.messages(inputs, rows)[place]
    # Slices, so that mapped files stay where they are.
    labels = {**{name: values[: len(messages)] for name, values in labels.items()}, MESSAGES: messages}
    kept = inputs[: len(messages)]
    # A view would keep them all in memory.
    return (kept if game.task.chooses_inputs else np.empty((len(kept), 0), np.float32)), labels


def _check_same(name: str, asked: int | None, own: int) -> None:
    if asked is not None and asked != own:
        raise UserError(
            f"{name} is {asked}, but the speaker of the restored run has {own}; leave {name} out, since it comes from"
            " the run, or restore another one."
        )
