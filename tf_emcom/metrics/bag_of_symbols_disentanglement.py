"""Whether every symbol is about one attribute, wherever it stands."""

import numpy as np

from tf_emcom.metrics._arrays import as_attributes, as_messages
from tf_emcom.metrics._disentanglement import mean_gap
from tf_emcom.metrics.attribute_measure import AttributeMeasure


class BagOfSymbolsDisentanglement(AttributeMeasure):
    """Mean over symbols v of (I(n_v; a¹) − I(n_v; a²)) / H(n_v), n_v being how often v stands in a message.

    Chaabouni et al. 2020, "Compositionality and generalization in emergent languages": "bosdis". Symbols without
    entropy, which every message has equally often, are left out.
    """

    name = "bag_of_symbols_disentanglement"

    def __call__(self, messages: np.ndarray, attributes: np.ndarray) -> float:
        """Measures N messages.

        Args:
          messages: int [N, T].
          attributes: int [N, A], values that only tell same from different.

        Returns:
          In [0, 1]; nan where all messages have the same symbols, or there are fewer than two attributes.
        """
        messages = as_messages(messages)
        counts = ((messages == symbol).sum(axis=1) for symbol in np.unique(messages))
        return mean_gap(counts, as_attributes(attributes, len(messages)))
