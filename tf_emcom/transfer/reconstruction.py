"""Drawing what was talked about."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.errors import UserError
from tf_emcom.heads.transfer.image_decoder import ImageDecoder
from tf_emcom.ops.images import as_target, half_squared_error
from tf_emcom.seeds import Stream
from tf_emcom.transfer.transfer_task import TransferTask
from tf_emcom.types import Batch, LossTerms, Message

_BLOCK = 256


class Reconstruction(TransferTask):
    """The image behind the speaker's input, from the message alone.

    Targets are resized to the head's side, with values in [−1, 1]. Loss: ½ Σ (prediction − target)² over the pixels and
    channels.
    """

    name = "reconstruction"
    labels = ("image",)

    def __init__(self, head_cls: Callable[[], ImageDecoder] = ImageDecoder) -> None:
        super().__init__(head_cls)

    def head(self) -> ImageDecoder:
        """An image decoder."""
        return self.head_cls()

    def lesson(
        self, listener: Listener, message: Message, batch: Batch, candidate_inputs: tf.Tensor, stream: Stream
    ) -> LossTerms:
        """The loss and the error a pixel and channel of B games, each [B]."""
        loss = half_squared_error(listener.predictions(message), as_target(batch.labels["image"], listener.head.side))
        return LossTerms(loss, {"squared_error": loss * (2.0 / (3 * listener.head.side**2))})

    def pictures(self, listener: Listener, message: Message, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """The images that the listener should draw, and those that it draws, [B, side, side, 3] in [−1, 1]."""
        return as_target(batch.labels["image"], listener.head.side), listener.predictions(message)

    def without_message(
        self, learnt: Mapping[str, np.ndarray], tested: Mapping[str, np.ndarray], candidates: int
    ) -> dict[str, float]:
        """The loss of always drawing the mean of the training images."""
        side = self.head_cls().side
        mean = sum(targets.sum(axis=0) for targets in _targets(learnt["image"], side)) / len(learnt["image"])
        errors = sum(np.square(targets - mean).sum() for targets in _targets(tested["image"], side))
        return {"loss": float(0.5 * errors / len(tested["image"]))}

    def check_labels(self, labels: Mapping[str, np.ndarray], data: str) -> None:
        """UserError where there are no RGB images of one size."""
        super().check_labels(labels, data)
        images = labels["image"]
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3:
            raise UserError(
                f"The label 'image' of the data set {data} is {images.dtype} of shape {images.shape[1:]} an example,"
                " but reconstruction needs RGB images, uint8 [height, width, 3]: prepare them so."
            )


def _targets(images: np.ndarray, side: int) -> Iterator[np.ndarray]:
    """Yields images as targets, float64 [B, side, side, 3]; block by block, so that memory stays small."""
    for start in range(0, len(images), _BLOCK):
        yield as_target(tf.constant(images[start : start + _BLOCK]), side).numpy().astype(np.float64)
