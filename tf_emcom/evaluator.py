"""The inner evaluation loop: greedy agents on held-out inputs."""

import numpy as np
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.agents.speaker import Speaker
from tf_emcom.data.order import Order
from tf_emcom.ops.corruption import erase
from tf_emcom.seeds import Stream
from tf_emcom.types import Candidates, Message


class Evaluator(tf.Module):
    """Counts successes of a greedy speaker and a greedy listener; nothing is trained.

    Inputs are cut into groups of C: each input is the right candidate of one game and a distractor of the C − 1 others.
    It compiles once per C: noises, rows and seeds are data.
    """

    def __init__(self, speaker: Speaker, listener: Listener, inputs: np.ndarray, jit_compile: bool) -> None:
        """`inputs` is float32 [N, F], a whole split."""
        super().__init__()
        self.speaker = speaker
        self.listener = listener
        self.inputs = tf.convert_to_tensor(inputs)
        self._group = tf.function(self._group_successes, jit_compile=jit_compile, autograph=False)

    def successes(
        self, candidates: int, noises: list[float], passes: int, seed: int, split: str
    ) -> tuple[np.ndarray, int]:
        """Plays shuffled passes over the split, incomplete groups dropped, with fresh masks for each group and noise.

        Args:
          candidates: C.
          noises: P erasure probabilities.
          passes: how many passes.
          seed: of the shuffling and of the masks.
          split: its name, for the error if it is smaller than C.

        Returns:
          Successes [P] and the number of games behind each.
        """
        examples = int(self.inputs.shape[0])
        order = Order(examples, candidates, seed, split)
        groups = order.batches_per_epoch
        total = np.zeros(len(noises), np.int64)
        for number in range(passes):
            rows = np.stack([order.indices(number * groups + group) for group in range(groups)])
            total += self._pass(
                tf.constant(rows), tf.constant(noises, tf.float32), tf.constant([seed, candidates * 1000 + number])
            ).numpy()
        return total, passes * groups * candidates

    @tf.function(autograph=False)
    def _pass(self, rows: tf.Tensor, noises: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Successes [P] int64 over all groups, rows being [groups, C]."""

        def body(group: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            masks = tf.random.experimental.stateless_fold_in(seed, group, alg="philox")
            inputs = tf.ensure_shape(tf.gather(self.inputs, rows[group]), (rows.shape[1], self.inputs.shape[1]))
            return group + 1, total + self._group(inputs, noises, masks)

        start = (tf.constant(0), tf.zeros([noises.shape[0]], tf.int64))
        return tf.while_loop(lambda group, _: group < tf.shape(rows)[0], body, start, parallel_iterations=1)[1]

    def _group_successes(self, inputs: tf.Tensor, noises: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Successes [P] int64 of the C games on inputs [C, F]."""
        games = inputs.shape[0]
        symbols = self.speaker.greedy(inputs).symbols
        candidates = Candidates(inputs, None, tf.range(games))
        counts = []
        for place in range(noises.shape[0]):
            stream = Stream(seed, tf.constant(0), games, games).stage(f"noise {place}")
            uniform = stream.uniform(symbols.shape[1])
            message = Message(erase(symbols, noises[place], uniform, unknown=self.speaker.vocab_size))
            choices = tf.argmax(self.listener.scores(message, candidates), axis=-1, output_type=tf.int32)
            counts.append(tf.math.count_nonzero(choices == candidates.target))
        return tf.stack(counts)
