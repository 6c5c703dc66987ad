"""What every measure of messages and attributes is."""

import abc

import numpy as np

from tf_emcom.arguments import Checked


class AttributeMeasure(Checked, abc.ABC):
    """A number that tells how messages express attributes.

    Attributes:
      name: what it is called in results.
    """

    name: str

    @abc.abstractmethod
    def __call__(self, messages: np.ndarray, attributes: np.ndarray) -> float:
        """The number for messages int [N, T] about attributes int [N, A]; nan where it is undefined."""
