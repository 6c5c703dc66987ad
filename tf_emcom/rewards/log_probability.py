"""Pay by the listener's confidence in the right candidate."""

import tensorflow as tf

from tf_emcom.ops.contrastive import cross_entropy
from tf_emcom.rewards.reward import Reward
from tf_emcom.types import Candidates, Hearing


class LogProbability(Reward):
    """log softmax(scores) of the right candidate: the negative contrastive loss (EaS, `logprob`)."""

    def __call__(self, success: tf.Tensor, hearing: Hearing, candidates: Candidates) -> tf.Tensor:
        """[B], at most 0."""
        return tf.stop_gradient(-cross_entropy(hearing.scores, candidates.target))
