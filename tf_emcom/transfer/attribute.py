"""Telling the attributes."""

from collections.abc import Callable

from tf_emcom.heads.transfer.multi_mlp import MultiMlp
from tf_emcom.heads.transfer.prediction_head import PredictionHead
from tf_emcom.transfer.label_task import LabelTask


class Attribute(LabelTask):
    """Which of the binary attributes the speaker's input has; accuracy is the mean over the attributes."""

    name = "attribute"
    labels = ("attributes",)

    def __init__(
        self, attributes: int = 40, classes: int = 2, head_cls: Callable[[int, int], PredictionHead] = MultiMlp
    ) -> None:
        """`attributes` as many as an example of the data set has, each of `classes` values from 0 on."""
        super().__init__(head_cls, attributes, classes)
