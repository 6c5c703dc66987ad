"""Whether every position of a message is about one attribute."""

import numpy as np

from tf_emcom.metrics._arrays import as_attributes, as_messages
from tf_emcom.metrics._disentanglement import mean_gap
from tf_emcom.metrics.attribute_measure import AttributeMeasure


class PositionalDisentanglement(AttributeMeasure):
    """Mean over positions t of (I(s_t; a¹) − I(s_t; a²)) / H(s_t), a¹ and a² being what s_t tells most about.

    Chaabouni et al. 2020, "Compositionality and generalization in emergent languages": "posdis". Positions without
    entropy, where always the same is said, are left out. Entropies are plug-in estimates: with few messages for each
    value, every position seems to tell something about everything.
    """

    name = "positional_disentanglement"

    def __call__(self, messages: np.ndarray, attributes: np.ndarray) -> float:
        """Measures N messages.

        Args:
          messages: int [N, T].
          attributes: int [N, A], values that only tell same from different.

        Returns:
          In [0, 1]; nan where all messages are the same, or there are fewer than two attributes.
        """
        messages = as_messages(messages)
        return mean_gap(messages.T, as_attributes(attributes, len(messages)))
