"""How much of what a variable tells is about one attribute only."""

from collections.abc import Iterable

import numpy as np

from tf_emcom.metrics._information import entropy, mutual_information, numbered


def mean_gap(variables: Iterable[np.ndarray], attributes: np.ndarray) -> float:
    """The gap between a variable's two largest mutual informations with attributes, by its entropy; the mean over all.

    Args:
      variables: each int [N], a function of the messages; those that do not vary are left out.
      attributes: int [N, A].

    Returns:
      The mean, in [0, 1]; nan where no variable varies, or there are fewer than two attributes.
    """
    attributes = [numbered(column) for column in attributes.T]
    gaps = []
    for variable in map(numbered, variables):
        if len(attributes) > 1 and variable.any():
            second, first = sorted(mutual_information(variable, attribute) for attribute in attributes)[-2:]
            gaps.append((first - second) / entropy(np.bincount(variable)))
    return float(np.mean(gaps)) if gaps else float("nan")
