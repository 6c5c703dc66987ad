"""A few games to look at."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_emcom.checks import Checked
from tf_emcom.data.source import Examples
from tf_emcom.games.answers import Answer
from tf_emcom.games.channels import transmit
from tf_emcom.seeds import named_generator, step_stream, step_tensor
from tf_emcom.training.trainee import Trainee
from tf_emcom.types import Candidates

_CANDIDATES = 4  # of a game, at most
_ERASED = "?"
_SILENCE = "·"


class Shown(NamedTuple):
    """G games of a greedy speaker and a greedy listener."""

    sent: np.ndarray  # int32 [G, T]
    lengths: np.ndarray  # int32 [G], symbols before a message ends
    received: np.ndarray  # int32 [G, T]; V where it was erased
    candidates: np.ndarray  # int [G, C], of the examples; where labels are named, the message's own one alone
    targets: np.ndarray  # int [G], which of the C was the right one
    choices: np.ndarray  # int [G], which of the C was taken; −1 where a wrong label was named
    named: np.ndarray | None = None  # int [G], the first label that was named; None where candidates are chosen


class Showcase(Checked):
    """What the first speaker says of fixed examples, and games that the first listener plays with it.

    The speaker is greedy and so is the listener; the channel is that of the step, with the same draws every time. It
    is run without a graph: for so few games, tracing one would take longer than they do.
    """

    def __init__(self, learner: Trainee, examples: Examples, count: int, games: int) -> None:
        """Takes N = `count` of the examples, at random but the same in each process; the first G are played.

        N is smaller where there are not so many examples, and G = `games`, but at most N.
        """
        # Which of the split are shown, int [N].
        self.rows = named_generator(learner.seed, "showcase").permutation(len(examples.inputs))[:count]
        self.vocab_size = learner.speaker_as(0).vocab_size
        self._learner = learner
        self._inputs = tf.constant(np.asarray(examples.inputs[self.rows], np.float32))
        self.labels = {name: np.asarray(values[self.rows]) for name, values in examples.labels.items()}
        self._games = min(games, len(self.rows))

    @staticmethod
    def suits(learner: Trainee) -> bool:
        """Whether the trainee plays games of which there is something to show."""
        return not learner.game.is_transfer and learner.game.task.answer is not None

    def messages(self) -> tuple[np.ndarray, np.ndarray]:
        """What is said of all N examples: symbols int32 [N, T], and lengths int32 [N]."""
        speech = self._learner.speaker_as(0).greedy(self._inputs)
        return speech.symbols.numpy(), np.asarray(speech.lengths)

    def games(self, step: int, symbols: np.ndarray, lengths: np.ndarray) -> Shown:
        """Plays the games as they are at `step`, with the first of the `messages`, [N, T] and [N]."""
        game, count = self._learner.game, self._games
        speaker, listener = self._learner.speaker_as(0), self._learner.listener_as(0)
        inputs, symbols, lengths = self._inputs[:count], symbols[:count], lengths[:count]
        sent = tf.constant(symbols)
        stream = step_stream(self._learner.seed, tf.constant(0), tf.constant(0), count, count).stage("showcase")
        at = step_tensor(step)
        message = transmit(game.channel, speaker, sent, at, stream)
        heard = (symbols, lengths, message.symbols.numpy())
        answer: Answer = game.task.answer  # type: ignore[assignment]  # suits() says that there is one
        if answer.chooses_inputs:
            shown, targets = _in_groups(count)
            scores = listener.scores(message, Candidates(inputs, tf.constant(shown), tf.constant(targets)))
            return Shown(*heard, shown, targets, np.argmax(scores, axis=-1))
        rows = np.arange(count)
        scores = answer.compare(listener, answer.read(listener, message), answer.look(listener, inputs), None)
        named, right = answer.judged(np.argmax(scores, axis=-1), rows, 1, self.labels)
        choices = np.where(right[:, 0], 0, -1)
        return Shown(*heard, rows[:, np.newaxis], np.zeros(count, np.int32), choices, named.reshape(count, -1)[:, 0])

    def table(self, shown: Shown) -> str:
        """The games as a table in Markdown: examples by number and label, the right candidates in bold."""
        lines = ["| candidates | message | arrived | choice | |", "|---|---|---|---|---|"]
        for game, candidates in enumerate(shown.candidates):
            target, choice = shown.targets[game], shown.choices[game]
            names = [self._name(row) for row in candidates]
            seen = ", ".join(f"**{name}**" if i == target else name for i, name in enumerate(names))
            said, came = (self._text(symbols[game], shown.lengths[game]) for symbols in (shown.sent, shown.received))
            taken = names[choice] if shown.named is None else str(shown.named[game])
            lines.append(f"| {seen} | {said} | {came} | {taken} | {'right' if choice == target else 'wrong'} |")
        return "\n".join(lines)

    def images(self, shown: Shown) -> np.ndarray | None:
        """The candidates, uint8 [G, C, height, width, 3]; None where the data set has no images."""
        return self.labels["image"][shown.candidates] if "image" in self.labels else None

    def _name(self, row: int) -> str:
        label = self.labels.get("label")
        return f"#{self.rows[row]}" if label is None else f"#{self.rows[row]} ({label[row]})"

    def _text(self, symbols: np.ndarray, length: int) -> str:
        words = [_ERASED if symbol == self.vocab_size else str(symbol) for symbol in symbols[:length]]
        return " ".join([*words, *[_SILENCE] * (len(symbols) - int(length))])


def _in_groups(games: int) -> tuple[np.ndarray, np.ndarray]:
    """Examples in groups of up to four, each being the right one of one game: int32 [G, C], and which it is, int32 [G].

    The last group continues with the first examples where it is not full.
    """
    size = min(_CANDIDATES, games)
    numbers = np.arange(games, dtype=np.int32)
    targets = numbers % size
    shown = (numbers - targets)[:, np.newaxis] + np.arange(size, dtype=np.int32)
    return shown % games, targets
