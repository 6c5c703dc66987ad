"""Games that the host gathers."""

import tensorflow as tf

from tf_emcom.data.feeds.feed import Feed, in_float32
from tf_emcom.types import Batch


class HostFeed(Feed):
    """Inputs and labels lie in the host's memory or in a mapped file; the games of a step are gathered there.

    They travel as they are stored, so halves are half the traffic, and become float32 on the device.
    """

    where = "gathered by the host"

    def send(self, rows: tf.Tensor) -> Batch:
        """The games."""
        return self.look_up(rows)

    def receive(self, sent: Batch) -> Batch:
        """The same in float32."""
        return in_float32(sent)
