"""Makes features of the images of shards."""

import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.files import reason
from tf_emcom.tools.prepare.encoders import Network
from tf_emcom.tools.prepare.images import ImageReader
from tf_emcom.tools.prepare.shard_files import Shard


class FeatureExtractor:
    """Runs an encoder on batches of one size; smaller ones are filled up, so that their size makes no difference."""

    def __init__(self, network: Network, batch_size: int) -> None:
        """Tries the encoder on a batch of grey images.

        UserError where its output is not one array of floats for each, or there is not enough memory.
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
        self.features = math.prod(found.shape[1:])  # F, how many numbers an image becomes

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


def encode(
    shard: Shard,
    root: str,
    reader: ImageReader,
    extractor: FeatureExtractor,
    skips_broken: bool,
    advance: Callable[[int], object],
) -> None:
    """Encodes the images of a shard, below `root`, and writes its arrays.

    It starts with a new batch, so that its content does not depend on what was made before it. `advance` is called with
    numbers of images that are done. UserError where an image cannot be decoded and is not to be left out, features are
    not finite, or the file cannot be written.
    """
    stamp, broken = shard.stamp(root), {}
    parts, kept = [np.empty((0, extractor.features), np.float32)], []
    for pixels in reader.batches([image.path for image in shard.images], broken):
        if broken and not skips_broken:
            continue  # to find the others
        features = extractor.extract(tf.stack(pixels.seen))
        if not (finite := np.isfinite(features).all(axis=1)).all():
            raise UserError(
                f"The encoder makes numbers of {pixels.paths[int(finite.argmin())]} that are not finite; look at its"
                " weights and at the --pixel_range that it expects."
            )
        parts.append(features)
        kept += pixels.kept
        advance(len(features))
    if broken and not skips_broken:
        path, why = next(iter(broken.items()))
        more = f", and {len(broken) - 1} more in this file" if len(broken) > 1 else ""
        raise UserError(
            f"The image {root}/{path} cannot be decoded ({why}){more}; repair it in place, or add --skip_broken to"
            " leave such images out, and run the same command again to resume."
        )
    advance(len(broken))
    # No PNG ends with a zero, which NumPy would strip.
    texts = {"kept": np.array(kept, "S"), "left_out": np.array(list(broken), "U")}
    shard.write(source=stamp, features=np.concatenate(parts), **texts)
