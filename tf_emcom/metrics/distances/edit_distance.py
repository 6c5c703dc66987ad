"""How many symbols must change to make one message of another."""

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

from tf_emcom.errors import UserError
from tf_emcom.metrics._arrays import as_messages
from tf_emcom.metrics.distances.pairwise_distance import PairwiseDistance

# Text cannot hold these code points, nor any beyond the last.
_SURROGATES = range(0xD800, 0xE000)
_CODES = 0x110000 - len(_SURROGATES)


class EditDistance(PairwiseDistance):
    """The least number of insertions, deletions and substitutions of symbols between two messages, as a share of T.

    Levenshtein 1966, "Binary codes capable of correcting deletions, insertions, and reversals". The work is done by
    rapidfuzz, many pairs at once by bit-parallel steps (Myers 1999, "A fast bit-vector algorithm for approximate string
    matching based on dynamic programming"; Hyyrö 2003). `bin/benchmark` tells how much faster that is than a loop over
    `editdistance.eval`.
    """

    name = "edit"

    def prepare(self, values: np.ndarray) -> list[str]:
        """Each of the messages int [N, T] as a text of T characters, a symbol being a character."""
        messages = as_messages(values)
        length = messages.shape[1]
        text = _codes(messages).astype("<u4").tobytes().decode("utf-32-le")
        return [text[start : start + length] for start in range(0, len(text), length)]

    def between(self, left: list[str], right: list[str]) -> np.ndarray:
        """Float64 [L, R] in [0, 1]."""
        length = len(left[0])
        return cdist(left, right, scorer=Levenshtein.distance, dtype=np.min_scalar_type(length), workers=1) / length

    def counts(self, messages: np.ndarray) -> np.ndarray:
        """The numbers of symbols themselves, int64 [N(N−1)/2] in [0, T]; condensed, as the distances are."""
        return np.rint(self(messages) * np.shape(messages)[1]).astype(np.int64)


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
