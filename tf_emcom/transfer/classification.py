"""Telling the class."""

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from tf_emcom.heads.transfer.multi_mlp import MultiMlp
from tf_emcom.heads.transfer.prediction_head import PredictionHead
from tf_emcom.ops.classification import in_top
from tf_emcom.transfer.label_task import LabelTask


class Classification(LabelTask):
    """Which class the speaker's input belongs to, from the message alone; also whether it is among the best five."""

    name = "classification"
    labels = ("label",)

    def __init__(self, classes: int, head_cls: Callable[[int, int], PredictionHead] = MultiMlp) -> None:
        """`classes` as many as the data set has, ids from 0 on."""
        super().__init__(head_cls, 1, classes)

    def more_metrics(self, logits: tf.Tensor, labels: tf.Tensor) -> dict[str, tf.Tensor]:
        """Top-5 accuracy [B]."""
        return {"top5": in_top(5, logits, labels)}

    def without_message(
        self, learnt: Mapping[str, np.ndarray], tested: Mapping[str, np.ndarray], candidates: int
    ) -> dict[str, float]:
        """The accuracy and top-5 accuracy of always answering the most frequent classes in training."""
        return {"accuracy": self.by_frequency(learnt, tested, 1), "top5": self.by_frequency(learnt, tested, 5)}
