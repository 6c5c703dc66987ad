"""Images as targets."""

import tensorflow as tf

from tf_emcom.shapes import assert_ranks


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
