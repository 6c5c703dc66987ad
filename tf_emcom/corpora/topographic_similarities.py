"""Topographic similarity, measured several times over."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tf_emcom.errors import require_integer
from tf_emcom.metrics.distances.cosine_distance import CosineDistance
from tf_emcom.metrics.distances.hamming_distance import HammingDistance
from tf_emcom.metrics.distances.pairwise_distance import PairwiseDistance
from tf_emcom.metrics.sample import Sample
from tf_emcom.metrics.topographic_similarity import TopographicSimilarity

Row = dict[str, Any]

LEAST = 10  # messages in a pass: fewer tell nothing
ATTRIBUTES = "attributes"


class TopographicSimilarities:
    """The similarity of messages to inputs and to attributes, as mean and deviation of passes over drawn examples."""

    def __init__(
        self,
        samples: int = 1000,
        passes: int = 5,
        seed: int = 42,
        distance: PairwiseDistance | None = None,
        attribute_distance: PairwiseDistance | None = None,
        owner: str = "TopographicSimilarities",
    ) -> None:
        """Checks the numbers.

        Args:
          samples: how many examples a pass compares, drawn without replacement; 10 or more. No more than that are
            compared as a whole, once.
          passes: how many times examples are drawn.
          seed: of the draws.
          distance: of inputs; None: the cosine loss.
          attribute_distance: of attributes; None: the Hamming distance, which ranks as the cosine loss of one-hot
            vectors does, averaged over the attributes.
          owner: whose parameters these are, for what is said of a bad one.

        Raises:
          UserError: one of them cannot be used.
        """
        require_integer(f"{owner}.samples", samples, LEAST, "it counts the examples that a pass compares")
        require_integer(f"{owner}.passes", passes, 1, "it counts the draws of examples")
        require_integer(f"{owner}.seed", seed, 0, "draws start from it")
        self._sample = Sample(samples, seed)
        self._passes = passes
        self._similarities = {
            "inputs": TopographicSimilarity(CosineDistance() if distance is None else distance),
            ATTRIBUTES: TopographicSimilarity(HammingDistance() if attribute_distance is None else attribute_distance),
        }

    def rows(self, messages: np.ndarray, meanings: Mapping[str, np.ndarray], labels: Row) -> list[Row]:
        """A line of results for each kind of meanings, "inputs" or "attributes".

        Args:
          messages: int [N, T], N being 10 or more.
          meanings: kind ↦ [N, ...].
          labels: how lines of results name the speaker.
        """
        return [self._row(kind, messages, values, labels) for kind, values in meanings.items()]

    def _row(self, meaning: str, messages: np.ndarray, meanings: np.ndarray, labels: Row) -> Row:
        """The similarity to one kind of meanings, null where it is undefined in any of the passes."""
        similarity = self._similarities[meaning]
        passes = self._passes if len(messages) > self._sample.most else 1
        drawn = [self._sample.rows(len(messages), number) for number in range(passes)]
        found = np.array([similarity(messages[rows], meanings[rows]) for rows in drawn])
        defined = not np.isnan(found).any()
        return {
            "meaning": meaning,
            "distance": similarity.distance.name,
            "topsim": float(found.mean()) if defined else None,
            "deviation": float(found.std()) if defined else None,
            "messages": len(drawn[0]),
            "passes": passes,
            **labels,
            "seed": self._sample.seed,
        }


def similarity_table(rows: Sequence[Row]) -> str:
    """Similarity by meaning, as text."""
    lines = ["meaning     distance    topsim   deviation"]
    for row in rows:
        numbers = ["undefined" if row[name] is None else f"{row[name]:.4f}" for name in ("topsim", "deviation")]
        lines.append(f"{row['meaning']:<10}  {row['distance']:<10}  {numbers[0]:<9}  {numbers[1]}".rstrip())
    return "\n".join(lines)
