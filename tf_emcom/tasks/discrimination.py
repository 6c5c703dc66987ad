"""The task of the Lewis game."""

import tensorflow as tf

from tf_emcom.errors import UserError, require_integer
from tf_emcom.seeds import Stream
from tf_emcom.tasks.task import Hearer, Task
from tf_emcom.types import Batch, Candidates, Choice, Hearing, Message


class Discrimination(Task):
    """Find the speaker's input among candidates, which are inputs of the same batch.

    With `distractors = None` every game shows the whole batch, those of all replicas together, so that C = B and the
    right candidate of game i is candidate i. With a number, each game shows its own input and that many others, drawn
    afresh every step: C = distractors + 1.

    The draw is one set of offsets a step: game i shows the inputs i + offset (mod B). Batches are in random order, so
    each game's distractors are a uniform draw without replacement, and every input is a distractor equally often. The
    right candidate of game i is put at position i mod C: at a fixed position it would win every tie.
    """

    def __init__(self, distractors: int | None = None) -> None:
        self.distractors = distractors

    def candidates_per_game(self, batch_size: int) -> int:
        """C for batches of B games; UserError where the batch is too small."""
        if batch_size < 2:
            raise UserError(
                f"batch_size is {batch_size}, but the candidates of a game are the inputs of its batch, so there is"
                " nothing to choose from; bind batch_size to 2 or more."
            )
        if self.distractors is None:
            return batch_size
        require_integer("Discrimination.distractors", self.distractors, 1, "it counts the wrong candidates of a game")
        if self.distractors >= batch_size:
            raise UserError(
                f"Discrimination.distractors is {self.distractors}, but a batch of {batch_size} games has 1 to"
                f" {batch_size - 1} distractors to offer; bind it within them, or raise batch_size."
            )
        return self.distractors + 1

    def candidates(self, batch: Batch, inputs: tf.Tensor, stream: Stream) -> Candidates:
        """What the listeners see.

        Args:
          batch: the games of this replica; what they are about is among the inputs.
          inputs: [N, F], the inputs of the games of all replicas, N = stream.global_games.
          stream: where the distractors are drawn from.
        """
        games = stream.first_game + tf.range(stream.local_games)
        if self.distractors is None:
            return Candidates(inputs, None, games)
        count = self.distractors + 1
        # The order of random bits is a permutation; unlike a shuffle it compiles on every device.
        offsets = 1 + tf.argsort(stream.shared_bits(stream.global_games - 1), stable=True)[: self.distractors]
        ordered = tf.concat([[0], offsets], axis=0)  # The right one first, turned to its place below.
        target = games % count
        turned = (tf.range(count)[tf.newaxis, :] - target[:, tf.newaxis]) % count
        shown = (games[:, tf.newaxis] + tf.gather(ordered, turned)) % stream.global_games
        return Candidates(inputs, shown, target)

    def hear(self, listener: Hearer, message: Message, candidates: Candidates) -> Hearing:
        """The listener's scores [B, C], with critics where its head has them."""
        return listener.hear(message, candidates)

    def success(self, choice: Choice, candidates: Candidates) -> tf.Tensor:
        """1.0 where the right candidate was taken, else 0.0; [B]."""
        return tf.cast(choice.candidates == candidates.target, tf.float32)
