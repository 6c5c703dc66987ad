"""What the tasks of choosing a candidate have in common."""

import abc
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from tf_emcom.agents.listener import Listener
from tf_emcom.ops.contrastive import cross_entropy
from tf_emcom.seeds import Stream
from tf_emcom.tasks.discrimination import Discrimination
from tf_emcom.transfer.transfer_task import TransferTask
from tf_emcom.types import Batch, LossTerms, Message


class CandidateTask(TransferTask, abc.ABC):
    """Cross-entropy of the right one among the inputs of the batch, all of which every game shows."""

    chooses = True

    def head(self) -> keras.layers.Layer:
        """What compares message and candidate."""
        return self.head_cls()

    def lesson(
        self, listener: Listener, message: Message, batch: Batch, candidate_inputs: tf.Tensor, stream: Stream
    ) -> LossTerms:
        """The loss and the accuracy of B games, each [B]."""
        candidates = Discrimination().candidates(batch, candidate_inputs, stream)
        scores = listener.scores(message, candidates)
        right = tf.argmax(scores, axis=-1, output_type=tf.int32) == candidates.target
        return LossTerms(cross_entropy(scores, candidates.target), {"accuracy": tf.cast(right, tf.float32)})

    def without_message(
        self, learnt: Mapping[str, np.ndarray], tested: Mapping[str, np.ndarray], candidates: int
    ) -> dict[str, float]:
        """The accuracy of a guess."""
        return {"accuracy": 1.0 / candidates}

    def check_batch(self, batch_size: int) -> None:
        """UserError where there is nothing to choose from."""
        Discrimination().candidates_per_game(batch_size)
