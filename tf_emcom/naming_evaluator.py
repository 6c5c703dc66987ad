"""The inner evaluation loop of the naming game."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tf_emcom.metrics.wins import Wins
from tf_emcom.ops.corruption import erase
from tf_emcom.seeds import Stream, step_stream
from tf_emcom.trainee import Trainee
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
        self, agents: Trainee, messages: Mapping[int, np.ndarray], targets: np.ndarray, jit_compile: bool
    ) -> None:
        """Tests the pairs that `agents` names, each of whose speakers has as many listeners.

        Args:
          agents: whose.
          messages: what each speaker says of N inputs, speaker → int32 [N, T].
          targets: their L labels, int32 [N, L].
          jit_compile: whether XLA compiles.
        """
        super().__init__()
        self._agents = agents
        self._messages = messages
        self._targets = targets
        self._audiences = agents.audiences()
        self.speakers = list(self._audiences)
        self.pairs = agents.pairs()
        # One model each, in which the agents take turns.
        self._speaker = agents.speaker_as(self.pairs[0][0])
        self._listener = agents.listener_as(self.pairs[0][1])
        self._block = tf.function(self._probabilities, jit_compile=jit_compile, autograph=False)

    def successes(self, noises: Sequence[float], passes: int, seed: int) -> Wins:
        """Counts the labels that are told right under K erasure probabilities, each of them one condition.

        Args:
          noises: K of them.
          passes: over all messages, with fresh masks in each; one where nothing is left to chance.
          seed: of the masks.
        """
        listeners = len(self.pairs) // len(self.speakers)
        won = np.zeros((len(self.speakers), listeners + 1, len(noises)), np.int64)
        rounds = [1 if noise in (0.0, 1.0) else passes for noise in noises]
        for place, noise in enumerate(noises):
            for number in range(rounds[place]):
                stream = step_stream(seed, tf.constant(number), tf.constant(0), 1, 1).stage(f"noise {noise!r}")
                for row, speaker in enumerate(self.speakers):
                    won[row, :, place] += self._right(speaker, noise, stream.seed)
        games = self._targets.size * np.array(rounds)
        return Wins(won[:, :-1].reshape(-1, len(noises), 1), won[:, -1, :, np.newaxis], games)

    def _right(self, speaker: int, noise: float, seed: tf.Tensor) -> np.ndarray:
        """How many labels each of a speaker's listeners, and then their vote, tells right: [listeners + 1]."""
        right, total = [], 0.0
        for listener in self._audiences[speaker]:
            self._agents.listener_as(listener)
            told = self._told(self._messages[speaker], noise, seed)
            right.append(self._count(told))
            total = total + told
        return np.array([*right, self._count(total)])

    def _count(self, probabilities: np.ndarray) -> int:
        return int(np.count_nonzero(probabilities.argmax(axis=-1) == self._targets))

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
        games, length = symbols.shape
        uniform = Stream(seed, tf.constant(0), games, games).uniform(length)
        erased = erase(symbols, noise, uniform, unknown=self._speaker.vocab_size)
        message = Message(self._speaker.grammar.keep_silence(symbols, erased))
        return tf.nn.softmax(self._listener.predictions(message))
