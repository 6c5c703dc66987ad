"""In which order the examples of a split are played."""

import numpy as np

from tf_emcom.data.order import Order


def order_of_play(examples: int, seed: int) -> np.ndarray:
    """A permutation, int32 [examples]; cut into groups of C, it is the first pass of an evaluation with that seed."""
    return Order(examples, examples, seed, "whole").indices(0)
