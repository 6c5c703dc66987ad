"""What every predicting head is."""

import keras
import tensorflow as tf


class PredictionHead(keras.layers.Layer):
    """What a message tells about the speaker's input; there are no candidates."""

    def build(self, representation_shape: tuple[int | None, ...], candidates_shape: tuple[int, int]) -> None:
        """Creates the weights, for message representations [B, H]; the candidates' shape plays no part."""
        self.build_for(representation_shape[-1])
        self.built = True

    def build_for(self, size: int) -> None:
        """Creates the weights, for message representations of H = `size`."""
        raise NotImplementedError

    def predictions(self, representation: tf.Tensor) -> tf.Tensor:
        """What messages represented as [B, H] tell, [B, ...]."""
        raise NotImplementedError
