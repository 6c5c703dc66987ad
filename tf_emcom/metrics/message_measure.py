"""What every measure of messages alone is."""

import abc

import numpy as np

from tf_emcom.arguments import Checked
from tf_emcom.metrics.sample import Sample


class MessageMeasure(Checked, abc.ABC):
    """A number that messages have by themselves, whatever they mean.

    Attributes:
      name: what it is called in results.
    """

    name: str

    @abc.abstractmethod
    def __call__(self, messages: np.ndarray) -> float:
        """The number for messages int [N, T]; nan where it is undefined."""

    def sampled(self, messages: np.ndarray, sample: Sample) -> np.ndarray:
        """Those of many messages that are worth the work: all of them, unless it grows faster than their number."""
        return messages
