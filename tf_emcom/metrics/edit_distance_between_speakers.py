"""How differently two speakers speak."""

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cpdist

from tf_emcom.errors import UserError
from tf_emcom.metrics._arrays import as_messages
from tf_emcom.metrics.distances.edit_distance import EditDistance


class EditDistanceBetweenSpeakers:
    """The mean edit distance of two speakers' messages about the same input, as a share of T; 0: one language.

    As in Chaabouni et al. 2022, "Emergent communication at scale", for the speakers of a population; see
    `EditDistance`. Speakers that never heard of each other are as far apart as chance has it, which depends on how
    often each says what: compare populations, not this number with 1.

    Attributes:
      name: what it is called in results.
    """

    name = "edit_distance_between_speakers"

    def __call__(self, left: np.ndarray, right: np.ndarray) -> float:
        """Measures two speakers.

        Args:
          left: messages int [N, T] of the one.
          right: those of the other about the same N inputs, in the same order.

        Returns:
          In [0, 1]; nan without messages.

        Raises:
          UserError: they are not alike in shape.
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
