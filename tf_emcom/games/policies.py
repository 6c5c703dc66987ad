"""How a listener chooses among candidates."""

import abc

import tensorflow as tf

from tf_emcom.checks import Checked, assert_ranks
from tf_emcom.errors import UserError, require_number
from tf_emcom.ops import categorical
from tf_emcom.schedules import Schedule, at, bounds_of
from tf_emcom.seeds import Stream
from tf_emcom.types import Choice


class ListenerPolicy(Checked, abc.ABC):
    """A way to take one of the candidates."""

    @abc.abstractmethod
    def __call__(self, scores: tf.Tensor, step: tf.Tensor, stream: Stream) -> Choice:
        """One choice a game, from scores [B, C]."""


def choice_from(logits: tf.Tensor, candidates: tf.Tensor) -> Choice:
    """The record of having taken `candidates` int32 [B] under `logits` [B, C]."""
    return Choice(candidates, categorical.log_prob(logits, candidates), categorical.entropy(logits))


class Greedy(ListenerPolicy):
    """Takes the candidate with the highest score; of equal ones, the first."""

    def __call__(self, scores: tf.Tensor, step: tf.Tensor, stream: Stream) -> Choice:
        return choice_from(scores, tf.argmax(scores, axis=-1, output_type=tf.int32))


class Sampled(ListenerPolicy):
    """Draws a candidate from softmax(scores / temperature)."""

    def __init__(self, temperature: Schedule | float = 1.0) -> None:
        """`temperature` above 0, constant or a schedule; UserError otherwise."""
        if not bounds_of(temperature)[0] > 0:
            raise UserError(
                f"{type(self).__name__}.temperature falls to {bounds_of(temperature)[0]}, but scores are divided by it;"
                " bind it above 0, such as 0.01 for choices that are nearly greedy, or use @Greedy() for a listener"
                " that does not explore."
            )
        self.temperature = temperature

    def __call__(self, scores: tf.Tensor, step: tf.Tensor, stream: Stream) -> Choice:
        if scores.shape.rank != 2:
            raise UserError(
                f"{type(self).__name__} draws one of the candidates of a game, but this listener names labels; bind"
                " naming/Game.listener_policy to @Greedy(), or task to @Discrimination()."
            )
        logits = self.logits(scores, step)
        return choice_from(logits, categorical.draw(logits, stream.uniform()))

    def logits(self, scores: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """What is drawn from, [B, C], made of the scores [B, C]."""
        return scores / at(self.temperature, step)


class EpsilonGreedy(Sampled):
    """Draws a candidate from the mixture π = (1 − ε) softmax(scores / temperature) + ε / C.

    With the probability ε any of the C candidates is taken, each as likely. Otherwise the scores decide, through a
    softmax and not through argmax: the log-probability of an argmax does not depend on the scores, and REINFORCE would
    learn nothing from it. A temperature that falls towards 0 comes as near to an argmax as you like. Log-probability
    and entropy are the mixture's. Tests take the best candidate, whatever the policy.
    """

    def __init__(self, epsilon: Schedule | float = 0.1, temperature: Schedule | float = 1.0) -> None:
        """Constants or schedules: `epsilon` in [0, 1], `temperature` above 0; UserError otherwise."""
        for bound in bounds_of(epsilon):
            require_number("EpsilonGreedy.epsilon", bound, 0, 1, "it is the share of choices that ignore the scores")
        super().__init__(temperature)
        self.epsilon = epsilon

    def logits(self, scores: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        """Logarithms of π [B, C], from scores [B, C]."""
        assert_ranks(scores=(scores, 2))
        epsilon = at(self.epsilon, step)
        decided = tf.math.log1p(-epsilon) + tf.nn.log_softmax(scores / at(self.temperature, step))
        share = tf.fill(tf.shape(scores), tf.math.log(epsilon / tf.cast(tf.shape(scores)[-1], tf.float32)))
        # Added as logarithms, since what a cold softmax rounds to 0 would have the logarithm −∞.
        return tf.reduce_logsumexp(tf.stack([decided, share]), axis=0)
