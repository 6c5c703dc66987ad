"""Clipping before another optimiser."""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.optimizers.optimizer import Optimizer


class ClipByGlobalNorm(Optimizer):
    """Scales gradients to a joint length of at most `limit` (Pascanu et al. 2013), for another optimiser."""

    def __init__(
        self,
        variables: Sequence[keras.Variable],
        limit: float,
        then_cls: Callable[[Sequence[keras.Variable]], Optimizer],
    ) -> None:
        """UserError unless limit > 0."""
        super().__init__()
        if limit <= 0:
            raise UserError(f"ClipByGlobalNorm.limit is {limit}, which would stop all learning; bind it above 0.")
        self.limit = limit
        self.then = then_cls(variables)

    def apply(self, gradients: Sequence[tf.Tensor], step: tf.Tensor) -> None:
        """Updates the variables with `gradients`, each of its shape, summed over replicas, at `step`, int []."""
        clipped, _ = tf.clip_by_global_norm(list(gradients), self.limit)
        self.then.apply(clipped, step)
