"""What both agents are rewarded with."""

import abc

import tensorflow as tf

from tf_emcom.checks import Checked, NotNegative
from tf_emcom.ops import categorical
from tf_emcom.types import Candidates, Hearing, Speech


class Reward(Checked, abc.ABC):
    """What a game pays to speaker and listener."""

    @abc.abstractmethod
    def __call__(self, success: tf.Tensor, speech: Speech, hearing: Hearing, candidates: Candidates) -> tf.Tensor:
        """The reward of each game, [B], for success [B] in [0, 1]; the method itself stops gradients."""


class Success(Reward):
    """`win` for a success, `lose` for a failure, linear between them."""

    def __init__(self, win: float = 1.0, lose: float = 0.0) -> None:
        self.win = win
        self.lose = lose

    def __call__(self, success: tf.Tensor, speech: Speech, hearing: Hearing, candidates: Candidates) -> tf.Tensor:
        return tf.stop_gradient(self.lose + (self.win - self.lose) * success)


class LogProbability(Reward):
    """log softmax(scores) of the right candidate (EaS, `logprob`): the negative loss of a listener that is taught it.

    Where there are several labels to name, it is the mean over them.
    """

    def __call__(self, success: tf.Tensor, speech: Speech, hearing: Hearing, candidates: Candidates) -> tf.Tensor:
        log_probs = categorical.log_prob(hearing.scores, candidates.target)
        return tf.stop_gradient(tf.reduce_mean(log_probs, axis=list(range(1, log_probs.shape.rank))))


class LengthCost(Reward):
    """Another reward, less a cost for each symbol before the message ends (Chaabouni et al. 2019).

    It moves a speaker that learns by reward and whose messages can end (`Speaker.grammar = @EndSymbol()`); to others it
    is a constant, or nothing.
    """

    def __init__(self, reward: Reward, cost: NotNegative = 0.01) -> None:
        """`cost` is what one symbol takes off the reward."""
        self.reward = reward
        self.cost = cost

    def __call__(self, success: tf.Tensor, speech: Speech, hearing: Hearing, candidates: Candidates) -> tf.Tensor:
        cost = self.cost * tf.cast(speech.lengths, tf.float32)
        return self.reward(success, speech, hearing, candidates) - cost
