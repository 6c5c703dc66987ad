"""Edit distances, and measures made of them."""

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist, cpdist

from tf_emcom.errors import UserError
from tf_emcom.evaluation.metrics.distances import PairwiseDistance
from tf_emcom.evaluation.metrics.measures import MessageMeasure, Sample, as_messages

# Text cannot hold these code points, nor any beyond the last.
_SURROGATES = range(0xD800, 0xE000)
_CODES = 0x110000 - len(_SURROGATES)


class EditDistance(PairwiseDistance):
    """The least number of insertions, deletions and substitutions of symbols between two messages, as a share of T.

    Levenshtein 1966, "Binary codes capable of correcting deletions, insertions, and reversals". The work is done by
    rapidfuzz, many pairs at once by bit-parallel steps (Myers 1999, "A fast bit-vector algorithm for approximate string
    matching based on dynamic programming"; Hyyrö 2003). `bin/benchmark` compares it with a loop over
    `editdistance.eval`.
    """

    name = "edit"

    def prepare(self, values: np.ndarray) -> list[str]:
        messages = as_messages(values)
        length = messages.shape[1]
        text = _codes(messages).astype("<u4").tobytes().decode("utf-32-le")
        return [text[start : start + length] for start in range(0, len(text), length)]

    def between(self, left: list[str], right: list[str]) -> np.ndarray:
        length = len(left[0])
        return cdist(left, right, scorer=Levenshtein.distance, dtype=np.min_scalar_type(length), workers=1) / length


def _codes(messages: np.ndarray) -> np.ndarray:
    """Symbols [N, T] as code points: distances only ask which symbols are the same."""
    if messages.size and not 0 <= messages.min() <= messages.max() < 256:
        # Few symbols of a large vocabulary become few code points, with which rapidfuzz is faster.
        messages = np.unique(messages, return_inverse=True)[1].reshape(messages.shape)
        if messages.max() >= _CODES:
            raise UserError(
                f"Messages of {messages.max() + 1:,} different symbols were given, but edit distances are measured"
                f" between messages of {_CODES:,} at most; give fewer messages."
            )
    return messages + len(_SURROGATES) * (messages >= _SURROGATES.start)


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
        # Together, so that a symbol has the same character in both.
        texts = EditDistance().prepare(np.concatenate([left, right]))
        ours, theirs = texts[: len(left)], texts[len(left) :]
        distances = cpdist(ours, theirs, scorer=Levenshtein.distance, dtype=np.int64, workers=1)
        return float(distances.mean() / left.shape[1])
