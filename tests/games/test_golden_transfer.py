"""Transfer heads, losses and metrics of the original code, to 1e-5."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tf_emcom.agents.heads.listener import Cpc
from tf_emcom.agents.heads.prediction import ImageDecoder, MultiMlp
from tf_emcom.games.transfer_tasks import Attribute, Classification, DiscriminationByDistance
from tf_emcom.ops.losses import half_squared_error
from tf_emcom.types import Batch

CLOSE = {"atol": 1e-5, "rtol": 0}


class Reader:
    """A listener whose core's output is the file's."""

    def __init__(self, head, representation):
        self.head, self.representation = head, tf.constant(representation)

    def predictions(self, message):
        return self.head.predictions(self.representation)

    def scores(self, message, candidates):
        return self.head.scores(self.representation, candidates.inputs)


class OneReplica:
    """Where the candidates' order is taken from."""

    def __init__(self, games):
        self.first_game, self.local_games, self.global_games = tf.constant(0), games, games


def label_head(arrays):
    names = list(dict.fromkeys(key.split("/")[1] for key in arrays if key.startswith("head/")))
    stacked = {
        part: np.stack([arrays[f"head/{name}/{part}"] for name in names])
        for part in ("0/kernel", "0/bias", "1/kernel", "1/bias")
    }
    labels, inputs, size = stacked["0/kernel"].shape
    head = MultiMlp(labels, stacked["1/kernel"].shape[2], size)
    head.build((None, inputs), None)
    variables = (head.hidden_kernel, head.hidden_bias, head.kernel, head.bias)
    for variable, value in zip(variables, stacked.values(), strict=True):
        variable.assign(value)
    return head, names


def run(task, listener, batch, inputs):
    lesson = functools.partial(task.lesson, listener, None)
    return tf.function(lambda: lesson(batch, inputs, OneReplica(len(batch.inputs))), jit_compile=True)()


@pytest.mark.parametrize(
    ("file", "task"), [("etl_classification", Classification(11)), ("etl_attribute", Attribute(3))], ids=["class", "3"]
)
def test_label_tasks_are_the_originals(golden, file, task):
    arrays = golden(file)
    head, names = label_head(arrays)
    listener = Reader(head, arrays["message_repr"])
    logits = listener.predictions(None)
    labels = np.stack([arrays[f"target/{name}"].argmax(axis=1) for name in names], axis=1).astype(np.int32)
    np.testing.assert_allclose(logits, np.stack([arrays[f"logits/{name}"] for name in names], axis=1), **CLOSE)
    batch = Batch(tf.zeros((len(labels), 0)), {task.labels[0]: tf.constant(labels)})
    terms = run(task, listener, batch, None)
    np.testing.assert_allclose(terms.loss, arrays["loss"], **CLOSE)
    np.testing.assert_allclose(terms.terms["accuracy"], arrays["accuracy"], **CLOSE)
    # The original's are sums over the batch.
    right = terms.terms["accuracy"][:, tf.newaxis] if terms.by_label is None else terms.by_label
    for name, found in zip(names, np.sum(right, axis=0), strict=True):
        np.testing.assert_allclose(found, arrays[f"stats/accuracy_{name}"], **CLOSE)
    if "stats/rank_5_accuracy" in arrays:
        np.testing.assert_allclose(np.sum(terms.terms["top5"]), arrays["stats/rank_5_accuracy"], **CLOSE)


def test_discrimination_by_distance_is_the_originals(golden):
    arrays = golden("etl_discriminationdist")
    head = Cpc(arrays["predictions"].shape[1])
    head.build((None, arrays["message_repr"].shape[1]), arrays["x"].shape)
    for name in ("message_projection", "candidate_projection"):
        getattr(head, name).kernel.assign(arrays[f"head/{name}/kernel"])
        getattr(head, name).bias.assign(arrays[f"head/{name}/bias"])
    np.testing.assert_allclose(head.message_projection(arrays["message_repr"]), arrays["predictions"], **CLOSE)
    np.testing.assert_allclose(head.candidate_projection(arrays["x"]), arrays["targets"], **CLOSE)
    inputs = tf.constant(arrays["x"])
    terms = run(DiscriminationByDistance(), Reader(head, arrays["message_repr"]), Batch(inputs, {}), inputs)
    np.testing.assert_allclose(terms.loss, arrays["loss"], **CLOSE)
    np.testing.assert_array_equal(terms.terms["accuracy"], arrays["accuracy"])


def test_reconstruction_is_the_originals(golden):
    arrays = golden("etl_reconstruction")
    channels = [arrays[f"head/conv_{i}/kernel"].shape[3] for i in range(4)]
    head = ImageDecoder(arrays["head/conv_0/kernel"].shape[2], channels)
    head.build((None, arrays["message_repr"].shape[1]), None)
    head.embedding.kernel.assign(arrays["head/embedding/kernel"])
    head.embedding.bias.assign(arrays["head/embedding/bias"])
    for i, kernel in enumerate(head.kernels):
        kernel.assign(arrays[f"head/conv_{i}/kernel"])
    prediction = tf.function(head.predictions, jit_compile=True, autograph=False)(tf.constant(arrays["message_repr"]))
    np.testing.assert_allclose(prediction, arrays["prediction"], **CLOSE)
    # The file's targets are float16 and its losses sums of 12,288 squares: 1e-5 of the value is float32's own limit.
    loss = half_squared_error(arrays["prediction"], arrays["target"].astype(np.float32))
    np.testing.assert_allclose(loss, arrays["loss_with_float16_target"], rtol=1e-5)
