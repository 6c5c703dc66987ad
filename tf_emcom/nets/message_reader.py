"""What every core is that looks at a whole message at once."""

import abc

import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.nets.core import Core


class MessageReader(Core, abc.ABC):
    """A core that listens only: it has no steps, so it cannot speak. A subclass overrides `read`."""

    @property
    def state_size(self) -> int:
        """None at all: UserError, since only a speaker asks for it."""
        raise UserError(
            f"{type(self).__name__} is a speaker's core here, but it reads whole messages and cannot utter symbols"
            " one by one; bind Speaker.core_cls to a core with steps, such as @LstmCore or @TransformerCore."
        )

    def read(self, embedded: tf.Tensor) -> tf.Tensor:
        """[B, T, E] ↦ [B, H]."""
        raise TypeError(f"{type(self).__name__} does not say how it reads.")
