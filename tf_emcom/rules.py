"""What every kind of game has."""

import abc

from tf_emcom.arguments import Checked
from tf_emcom.channels.channel import Channel


class Rules(Checked, abc.ABC):
    """The rules of what agents do with a batch.

    Attributes:
      channel: the way of a message to the listener.
    """

    channel: Channel

    @abc.abstractmethod
    def check_batch(self, batch_size: int) -> None:
        """UserError where a batch of so many games cannot be played."""
