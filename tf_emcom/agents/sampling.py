"""How a speaker that trains draws its symbols."""

import abc

import tensorflow as tf

from tf_emcom.checks import Checked
from tf_emcom.errors import UserError
from tf_emcom.ops import categorical
from tf_emcom.schedules import Schedule, at, bounds_of


class Sampler(Checked, abc.ABC):
    """How a speaker that explores makes a symbol of its policy."""

    is_soft: bool = True  # Whether soft symbols come with its symbols; a message of hard ones is learnt from at once.

    @abc.abstractmethod
    def draws(self, vocab_size: int) -> tuple[int, ...]:
        """The shape of the uniform draws that one symbol out of `vocab_size` takes."""

    @abc.abstractmethod
    def __call__(
        self, logits: tf.Tensor, uniform: tf.Tensor, step: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Utters one symbol in each game: logits [B, V] and uniform draws [B, *draws(V)] ↦ symbols int32 [B].

        With them come soft symbols [B, V], through which gradients flow back to the policy, or None. Schedules stand at
        `step`, integer [].
        """


class Drawn(Sampler):
    """A draw from the policy; no gradient flows through it."""

    is_soft = False

    def draws(self, vocab_size: int) -> tuple[int, ...]:
        return ()

    def __call__(self, logits: tf.Tensor, uniform: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, None]:
        return categorical.draw(logits, uniform), None


class GumbelSoftmax(Sampler):
    """A draw from the policy, and a soft symbol close to it (Jang et al. 2017; Maddison et al. 2017).

    The soft symbol is softmax((logits + Gumbel noise) / temperature), the symbol its largest entry. The listener reads
    the soft one, as does the speaker when it goes on to the next symbol.
    """

    def __init__(self, temperature: Schedule | float = 1.0) -> None:
        """`temperature` above 0, constant or a schedule; UserError otherwise."""
        if not bounds_of(temperature)[0] > 0:
            raise UserError(
                f"{type(self).__name__}.temperature falls to {bounds_of(temperature)[0]}, but logits are divided by it;"
                " bind it above 0."
            )
        self.temperature = temperature

    def draws(self, vocab_size: int) -> tuple[int, ...]:
        return (vocab_size,)

    def __call__(self, logits: tf.Tensor, uniform: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        noisy = logits + categorical.gumbel(uniform)
        return tf.argmax(noisy, axis=-1, output_type=tf.int32), tf.nn.softmax(noisy / at(self.temperature, step))


class StraightThrough(GumbelSoftmax):
    """What is heard is a hard symbol; gradients take it for the soft one (Bengio et al. 2013; Jang et al. 2017)."""

    def __call__(self, logits: tf.Tensor, uniform: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The symbols, int32 [B], and the same as one-hot rows [B, V] with the gradient of the soft ones."""
        symbols, relaxed = super().__call__(logits, uniform, step)
        return symbols, categorical.hardened(relaxed, symbols)
