"""Losses, each one a game."""

import numpy as np
import tensorflow as tf

from tf_emcom.checks import assert_ranks
from tf_emcom.errors import UserError


def cross_entropy_of_classes(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Softmax cross-entropy in nats, mean over the labels: logits [B, L, K] and labels int [B, L] ↦ [B]."""
    assert_ranks(logits=(logits, 3), labels=(labels, 2))
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits), axis=1)


def labels_in_top(count: int, logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Whether labels, int [B, L], are among the `count` classes with the highest logits [B, L, K]: float32 [B, L].

    Of equal logits the lower class comes first, so that equal logits do not make everything right.
    """
    assert_ranks(logits=(logits, 3), labels=(labels, 2))
    labels = tf.cast(labels, tf.int32)
    own = tf.gather(logits, labels, axis=2, batch_dims=2)[..., tf.newaxis]
    earlier = tf.range(logits.shape[2]) < labels[..., tf.newaxis]
    ahead = (logits > own) | ((logits == own) & earlier)
    rank = tf.reduce_sum(tf.cast(ahead, tf.int32), axis=2)
    return tf.cast(rank < count, tf.float32)


def in_top(count: int, logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """The share of labels, int [B, L], among the `count` classes with the highest logits [B, L, K]: float32 [B].

    With a count of 1 it is accuracy.
    """
    return tf.reduce_mean(labels_in_top(count, logits, labels), axis=1)


def share_of_the_most_frequent(learnt: np.ndarray, tested: np.ndarray, count: int = 1) -> float:
    """The accuracy of always answering each label's most frequent classes, mean over the labels.

    They are the most frequent of `learnt`, int [M, L] from 0, of equally frequent ones the lowest. One of the `count`
    answers has to be right, compared with `tested`, int [N, L].
    """
    best = [np.argsort(-np.bincount(column), kind="stable")[:count] for column in learnt.T]
    return float(np.mean([np.isin(column, answers).mean() for column, answers in zip(tested.T, best, strict=True)]))


def require_classes(values: np.ndarray, label: str, classes: int, task: str, remedy: str) -> None:
    """UserError unless all values are whole numbers from 0 to `classes` - 1, as `task` knows them.

    `label` says which label of which data set that is, at the beginning of a sentence; `remedy` is what is to be bound
    to a larger number.
    """
    if values.dtype.kind not in "iub":
        raise UserError(
            f"{label} is of type {values.dtype}, but {task} needs whole numbers; prepare it so, or choose another."
        )
    if values.size and values.min() < 0:
        raise UserError(f"{label} has values from {values.min()} on, but classes are counted from 0; prepare it so.")
    if values.size and values.max() >= classes:
        raise UserError(
            f"{label} has values from {values.min()} to {values.max()}, but {task} has {classes} classes, 0 to"
            f" {classes - 1}; bind {remedy} to {values.max() + 1} or more."
        )


def cross_entropy(scores: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """InfoNCE (van den Oord et al. 2018, eq. 4), −log softmax(scores)[target] in nats: [B, C] and int [B] ↦ [B]."""
    assert_ranks(scores=(scores, 2), target=(target, 1))
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=scores)


def policy_gradient_loss(advantage: tf.Tensor, log_probs: tf.Tensor) -> tf.Tensor:
    """−sg(advantage) · log π(a), of any one shape (Williams 1992, with a baseline inside the advantage)."""
    return -tf.stop_gradient(advantage) * log_probs


def squared_error(reward: tf.Tensor, estimate: tf.Tensor) -> tf.Tensor:
    """(sg(R) − estimate)², of any one shape: what teaches a critic."""
    return tf.square(tf.stop_gradient(reward) - estimate)


def as_target(images: tf.Tensor, side: int) -> tf.Tensor:
    """Images uint8 [B, height, width, 3] as float32 [B, side, side, 3] in [−1, 1].

    Bilinear with anti-aliasing, as two products with a constant matrix each, which compile on every device.
    """
    assert_ranks(images=(images, 4))
    values = tf.cast(images, tf.float32) / 127.5 - 1.0
    rows = _resampling(images.shape[1], side)
    columns = _resampling(images.shape[2], side)
    # One after the other: all at once could be multiplied out in an order that costs many times more.
    return tf.einsum("bswc,tw->bstc", tf.einsum("bhwc,sh->bswc", values, rows), columns)


def half_squared_error(prediction: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """½ Σ (prediction − target)² over height, width and channels: [B, H, W, 3] twice ↦ [B]."""
    assert_ranks(prediction=(prediction, 4), target=(target, 4))
    return 0.5 * tf.reduce_sum(tf.square(prediction - target), axis=(1, 2, 3))


def _resampling(given: int, wanted: int) -> tf.Tensor:
    """[wanted, given]: each wanted pixel as a mean of given ones, weighted by a triangle one coarser pixel wide."""
    scale = given / wanted
    width = max(scale, 1.0)
    centres = (tf.range(wanted, dtype=tf.float32) + 0.5) * scale - 0.5
    distance = tf.abs(centres[:, tf.newaxis] - tf.range(given, dtype=tf.float32)[tf.newaxis, :]) / width
    weights = tf.maximum(1.0 - distance, 0.0)
    return weights / tf.reduce_sum(weights, axis=1, keepdims=True)
