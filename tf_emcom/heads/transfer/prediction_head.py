"""What every predicting head is."""

import abc

import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.nets.part import Part


class PredictionHead(Part, abc.ABC):
    """What a message tells about the speaker's input; there are no candidates."""

    def build(self, representation_shape: tuple[int | None, ...], candidates_shape: tuple[int, int]) -> None:
        """Creates the weights, for message representations [B, H]; the candidates' shape plays no part."""
        self.build_for(representation_shape[-1])
        self.built = True

    def build_for(self, size: int) -> None:
        """Creates the weights, for message representations of H = `size`."""
        raise NotImplementedError

    def scores(self, representation: tf.Tensor, candidates: tf.Tensor) -> tf.Tensor:
        """UserError: candidates are not looked at."""
        raise UserError(
            f"{type(self).__name__} tells something from the message alone, but this task has candidates to compare"
            " with it; bind Listener.head_cls to a head that compares, such as @Cpc, or task to @Naming()."
        )

    def predictions(self, representation: tf.Tensor) -> tf.Tensor:
        """What messages represented as [B, H] tell, [B, ...]."""
        raise NotImplementedError
