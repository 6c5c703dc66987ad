"""The inner evaluation loop of the naming game."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.evaluation.metrics.success import Wins
from tf_emcom.games.channels import Channel
from tf_emcom.seeds import Stream, step_stream
from tf_emcom.training.trainee import Trainee
from tf_emcom.types import Message

_BLOCK = 1024


class NamingEvaluator(tf.Module):
    """Counts the labels that greedy listeners tell right, of greedy speakers' messages; nothing is trained.

    All pairs hear the same masks, so that they can be compared and their listeners can vote. It compiles once, or twice
    where the last block of messages is smaller: agents, noises and seeds are data.

    Attributes:
      pairs: speaker and listener of each pair, those of one speaker beside each other.
      speakers: each speaker of a pair.
    """

    def __init__(
        self,
        agents: Trainee,
        messages: Mapping[int, np.ndarray],
        targets: np.ndarray,
        jit_compile: bool,
        channel: Channel,
    ) -> None:
        """Tests the pairs that `agents` names, each of whose speakers has as many listeners.

        Args:
          agents: whose.
          messages: what each speaker says of N inputs, speaker → int32 [N, T].
          targets: their L labels, int32 [N, L].
          jit_compile: whether XLA compiles.
          channel: through which messages go, with the noise of each test.
        """
        super().__init__()
        self._agents = agents
        self._channel = channel
        self._messages = messages
        self._targets = targets
        self._listeners_of = agents.listeners_of()
        self.speakers = list(self._listeners_of)
        self.pairs = agents.pairs()
        # One model each, in which the agents take turns.
        self._speaker = agents.speaker_as(self.pairs[0][0])
        self._listener = agents.listener_as(self.pairs[0][1])
        self._block = tf.function(self._probabilities, jit_compile=jit_compile, autograph=False)

    def successes(self, noises: Sequence[float], passes: int, seed: int) -> Wins:
        """Counts the labels that are told right under K noises of the channel, each of them one condition.

        Args:
          noises: K of them.
          passes: over all messages, with fresh masks in each; one where there is no noise.
          seed: of the masks.

        Raises:
          UserError: a listener's predictions are not finite.
        """
        listeners, inputs = len(self.pairs) // len(self.speakers), len(self._targets)
        wins = Wins.none(len(self.speakers), listeners, len(noises), 1, 1)
        for place, noise in enumerate(noises):
            rounds = passes if noise else 1
            right = np.zeros((len(self.speakers), listeners + 1, inputs), np.int64)
            for number in range(rounds):
                stream = step_stream(seed, tf.constant(number), tf.constant(0), 1, 1).stage(f"noise {noise!r}")
                for row, speaker in enumerate(self.speakers):
                    right[row] += self._right(speaker, noise, stream.seed)
            for row, found in enumerate(right):
                wins.add(row, place, 0, found.sum(axis=1))
            wins.close(place, 0, right, np.full(inputs, rounds * self._targets.shape[1]))
            wins.games[place], wins.inputs[place] = rounds * self._targets.size, inputs
        return wins

    def _right(self, speaker: int, noise: float, seed: tf.Tensor) -> np.ndarray:
        """How many labels of each input a speaker's listeners, and then their vote, tell right: [listeners + 1, N]."""
        right, total = [], 0.0
        for listener in self._listeners_of[speaker]:
            self._agents.listener_as(listener)
            told = self._told(self._messages[speaker], noise, seed)
            if not np.isfinite(told).all():
                raise UserError(
                    f"The predictions of listener {listener} about messages of speaker {speaker} at noise {noise:g} are"
                    " not finite numbers: its weights hold NaN or infinity; restore an earlier checkpoint."
                )
            right.append(self._count(told))
            total = total + told
        return np.stack([*right, self._count(total)])

    def _count(self, probabilities: np.ndarray) -> np.ndarray:
        return np.count_nonzero(probabilities.argmax(axis=-1) == self._targets, axis=1)

    def _told(self, messages: np.ndarray, noise: float, seed: tf.Tensor) -> np.ndarray:
        """The probabilities of each label's classes, [N, L, K]; block by block, so that activations stay small."""
        blocks = []
        for number, start in enumerate(range(0, len(messages), _BLOCK)):
            folded = tf.random.experimental.stateless_fold_in(seed, number, alg="philox")
            block = tf.constant(messages[start : start + _BLOCK])
            blocks.append(self._block(block, tf.constant(noise, tf.float32), folded).numpy())
        return np.concatenate(blocks)

    def _probabilities(self, symbols: tf.Tensor, noise: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Of messages [B, T], each with a mask of its own: [B, L, K]."""
        stream, vocab_size = Stream(seed, tf.constant(0), *2 * (symbols.shape[0],)), self._speaker.vocab_size
        corrupted = self._channel.with_noise(noise)(Message(symbols), vocab_size, tf.constant(0), stream)
        message = Message(self._speaker.grammar.mask_after_end(symbols, corrupted.symbols))
        return tf.nn.softmax(self._listener.predictions(message))
