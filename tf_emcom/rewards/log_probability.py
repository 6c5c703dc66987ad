"""Pay by the listener's confidence in the right candidate."""

import tensorflow as tf

from tf_emcom.ops import categorical
from tf_emcom.rewards.reward import Reward
from tf_emcom.types import Candidates, Hearing, Speech


class LogProbability(Reward):
    """log softmax(scores) of the right candidate (EaS, `logprob`): the negative loss of a listener that is taught it.

    Where there are several labels to name, it is the mean over them.
    """

    def __call__(self, success: tf.Tensor, speech: Speech, hearing: Hearing, candidates: Candidates) -> tf.Tensor:
        """[B], at most 0."""
        log_probs = categorical.log_prob(hearing.scores, candidates.target)
        return tf.stop_gradient(tf.reduce_mean(log_probs, axis=list(range(1, log_probs.shape.rank))))
