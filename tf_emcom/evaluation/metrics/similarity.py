"""Topographic similarity: whether similar inputs have similar messages."""

import numpy as np
import scipy.stats

from tf_emcom.checks import Checked
from tf_emcom.errors import UserError
from tf_emcom.evaluation.metrics.distances import CosineDistance, PairwiseDistance
from tf_emcom.evaluation.metrics.edit_distances import EditDistance


class TopographicSimilarity(Checked):
    """Spearman's correlation of the pairwise edit distances of messages with the pairwise distances of their meanings.

    Brighton and Kirby 2006, "Understanding linguistic evolution by visualizing the emergence of topographic mappings";
    with Spearman's correlation and the edit distance as in Lazaridou et al. 2018, "Emergence of linguistic
    communication from referential games with symbolic and pixel input".

    To attributes, in Chaabouni et al. 2022, "Emergent communication at scale", it is the similarity to the mean over
    attributes of the cosine losses of their one-hot vectors. That is twice the Hamming distance, which has the same
    ranks: take `HammingDistance` and attributes int [N, A]. An attribute that does not vary changes nothing.

    All pairs are compared, at some 50 bytes a pair: of many messages take a `Sample`.
    """

    def __init__(self, distance: PairwiseDistance | None = None) -> None:
        """`distance` is that of the meanings; None: the cosine loss."""
        self.distance = distance or CosineDistance()

    def __call__(self, messages: np.ndarray, meanings: np.ndarray) -> float:
        """The correlation, in [−1, 1], for messages int [N, T] and meanings [N, …], which the distance reads.

        nan where it is undefined: all messages are equally far apart, or all meanings are, or there are fewer than
        three messages. UserError where there are not as many meanings as messages.
        """
        if len(messages) != len(meanings):
            raise UserError(
                f"{len(messages)} messages and {len(meanings)} meanings were given; give one meaning for each message."
            )
        return _rank_correlation(EditDistance()(messages), self.distance(meanings))


def _rank_correlation(left: np.ndarray, right: np.ndarray) -> float:
    """Spearman's correlation (1904) of [P] and [P], ties having their mean rank; nan where one has no order."""
    if not len(left) or (left == left[0]).all() or (right == right[0]).all():
        return float("nan")
    return float(_unit_ranks(left) @ _unit_ranks(right))


def _unit_ranks(values: np.ndarray) -> np.ndarray:
    """Ranks less their mean, at length 1."""
    ranks = scipy.stats.rankdata(values)
    ranks -= ranks.mean()
    return ranks / np.linalg.norm(ranks)
