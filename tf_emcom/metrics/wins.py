"""What an evaluation counts."""

from typing import NamedTuple

import numpy as np


class Wins(NamedTuple):
    """How many games were won of K kinds, such as numbers of candidates, under P conditions."""

    pairs: np.ndarray  # int64 [pairs, K, P], in the order of the evaluator's pairs
    votes: np.ndarray  # int64 [speakers, K, P], where the speaker's listeners vote; in the order of its speakers
    games: np.ndarray  # int64 [K], how many each pair played: all play the same
