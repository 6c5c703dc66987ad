"""Batches of images to vectors, always by the same compiled function."""

import math

import numpy as np
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.files import reason
from tf_emcom.preparation.encoders.image_encoder import Network


class FeatureExtractor:
    """Runs an encoder on batches of one size: a smaller batch is filled up, so that what comes does not depend on it.

    Attributes:
      features: F, how many numbers an image becomes.
    """

    def __init__(self, network: Network, batch_size: int) -> None:
        """Tries the encoder on a batch of grey images.

        Args:
          network: what the encoder was built to.
          batch_size: B.

        Raises:
          UserError: what comes out are not B arrays of floats, or there is not enough memory.
        """
        self._batch_size = batch_size
        self._shape = (batch_size, network.height, network.width, 3)
        self._encode = tf.function(network.encode, input_signature=[tf.TensorSpec(self._shape)])
        found = self._run(tf.fill(self._shape, 127.0))
        if found.shape.rank < 2 or found.shape[0] != batch_size or not found.dtype.is_floating:
            raise UserError(
                f"The encoder makes {found.dtype.name} {found.shape.as_list()} of {batch_size} images, but an array of"
                " floats is needed for each of them; choose another encoder or another of its signatures."
            )
        self.features = math.prod(found.shape[1:])

    def extract(self, images: tf.Tensor) -> np.ndarray:
        """Images [n, height, width, 3] in [0, 255], n up to B, to float32 [n, F]."""
        missing = self._batch_size - images.shape[0]
        found = self._run(tf.pad(images, [(0, missing), (0, 0), (0, 0), (0, 0)]))
        return tf.cast(tf.reshape(found, (self._batch_size, -1))[: images.shape[0]], tf.float32).numpy()

    def _run(self, images: tf.Tensor) -> tf.Tensor:
        try:
            return self._encode(images)
        except tf.errors.ResourceExhaustedError as error:
            raise UserError(
                f"There is not enough memory for {self._batch_size} images at a time; give a smaller --batch_size."
            ) from error
        except (tf.errors.InvalidArgumentError, ValueError) as error:
            raise UserError(
                f"The encoder cannot take images of {self._shape[1]} × {self._shape[2]} pixels ({reason(error)});"
                " give another --image_size."
            ) from error
