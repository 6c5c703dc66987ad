"""Rank checks, done once while a function is traced and never on the device."""

import tensorflow as tf


def assert_ranks(**expected: tuple[tf.Tensor, int]) -> None:
    """Raises a ValueError that names the tensor, unless each one has its expected rank.

    Args:
      **expected: name → (tensor, rank), e.g. `assert_ranks(scores=(scores, 2))`.
    """
    for name, (tensor, rank) in expected.items():
        shape = tf.convert_to_tensor(tensor).shape
        if shape.rank != rank:
            raise ValueError(f"{name} has shape {shape}, which is rank {shape.rank}; rank {rank} is expected.")
