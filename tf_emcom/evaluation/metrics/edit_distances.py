"""Edit distances, and measures made of them."""

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist, cpdist

from tf_emcom.errors import UserError
from tf_emcom.evaluation.metrics.distances import PairwiseDistance
from tf_emcom.evaluation.metrics.measures import MessageMeasure, Sample, as_messages


class EditDistance(PairwiseDistance):
    """The least number of insertions, deletions and substitutions of symbols between two messages, as a share of T.

    Levenshtein 1966, "Binary codes capable of correcting deletions, insertions, and reversals". The work is done by
    rapidfuzz, many pairs at once by bit-parallel steps (Myers 1999, "A fast bit-vector algorithm for approximate string
    matching based on dynamic programming"; Hyyrö 2003). `bin/benchmark` compares it with a loop over
    `editdistance.eval`.
    """

    name = "edit"

    def prepare(self, values: np.ndarray) -> list[list[int]]:
        return as_messages(values).tolist()

    def between(self, left: list[list[int]], right: list[list[int]]) -> np.ndarray:
        length = len(left[0])
        return cdist(left, right, scorer=Levenshtein.distance, dtype=np.min_scalar_type(length), workers=1) / length


class MeanEditDistance(MessageMeasure):
    """The mean edit distance of all pairs of messages, as a share of T: 0 where all are the same, 1 where none share.

    Levenshtein 1966; see `EditDistance`. It holds a block of pairs in memory, however many messages there are.
    """

    name = "mean_edit_distance"

    def __call__(self, messages: np.ndarray) -> float:
        count = len(messages)
        if count < 2:
            return float("nan")
        return float(sum(row.sum() for row in EditDistance().rows(messages)) / (count * (count - 1) / 2))

    def sampled(self, messages: np.ndarray, sample: Sample) -> np.ndarray:
        return messages[sample.rows(len(messages))]


class EditDistanceBetweenSpeakers:
    """The mean edit distance of two speakers' messages about the same input, as a share of T; 0: one language.

    As in Chaabouni et al. 2022, "Emergent communication at scale", for the speakers of a population; see
    `EditDistance`. Speakers that never heard of each other are as far apart as chance has it, which depends on how
    often each says what: compare populations, not this number with 1.
    """

    name = "edit_distance_between_speakers"

    def __call__(self, left: np.ndarray, right: np.ndarray) -> float:
        """For messages int [N, T] of each, about the same N inputs in the same order, in [0, 1]; nan without messages.

        UserError where their shapes differ.
        """
        left, right = as_messages(left), as_messages(right)
        if left.shape != right.shape:
            raise UserError(
                f"Messages of shapes {list(left.shape)} and {list(right.shape)} were given, but two speakers are"
                " compared about the same inputs; give one message of each about every input."
            )
        if not len(left):
            return float("nan")
        distances = cpdist(left.tolist(), right.tolist(), scorer=Levenshtein.distance, dtype=np.int64, workers=1)
        return float(distances.mean() / left.shape[1])
