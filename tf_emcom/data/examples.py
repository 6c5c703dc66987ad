"""The examples of one split, in memory."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tf_emcom.errors import UserError


class Examples(NamedTuple):
    """N examples of a data set.

    Attributes:
      inputs: float32 [N, F], the features an agent sees.
      labels: name → array [N, ...]; empty where the data set has none.
    """

    inputs: np.ndarray
    labels: dict[str, np.ndarray]

    def with_labels(self, names: Sequence[str] | None, data: str) -> "Examples":
        """The same with the named labels only; None: as it is. UserError where the data set called `data` lacks one."""
        if names is None:
            return self
        for name in names:
            if name not in self.labels:
                raise UserError(
                    f"The data set {data} has no label {name!r}, only {', '.join(sorted(self.labels))}; choose among"
                    " these, or another data set."
                )
        return Examples(self.inputs, {name: self.labels[name] for name in names})
