"""Which examples are played at which step."""

import functools
from collections.abc import Sequence

import numpy as np

from tf_emcom.arguments import Checked
from tf_emcom.errors import UserError


class Order(Checked):
    """Every epoch is a fresh permutation of the examples, cut into batches; what does not fill a batch is left out.

    It is a pure function of (seed, step): a run resumes at any step at no cost, and a batch never holds one example
    twice, which would give a game two right candidates.
    """

    def __init__(self, examples: int, batch_size: int, seed: int, split: str) -> None:
        """UserError where there are fewer examples than a batch holds; `split` is named in it."""
        if batch_size > examples:
            raise UserError(
                f"batch_size is {batch_size}, but the {split} split has {examples} examples and a batch never holds one"
                f" twice; bind batch_size to {examples} or less."
            )
        self.examples = examples
        self.batch_size = batch_size
        self.seed = seed
        self.batches_per_epoch = examples // batch_size
        # Two epochs, for steps asked for on both sides of a border.
        self._permutation = functools.lru_cache(maxsize=2)(self._draw)

    def indices(self, step: int) -> np.ndarray:
        """The examples of `step`, int32 [batch_size]."""
        epoch, position = divmod(step, self.batches_per_epoch)
        return self._permutation(epoch)[position * self.batch_size : (position + 1) * self.batch_size]

    def _draw(self, epoch: int) -> np.ndarray:
        generator = np.random.Generator(np.random.PCG64([self.seed & 0xFFFFFFFF, self.seed >> 32 & 0xFFFFFFFF, epoch]))
        return generator.permutation(self.examples).astype(np.int32)


class Orders(Checked):
    """The orders of several runs side by side."""

    def __init__(self, orders: Sequence[Order]) -> None:
        """`orders` have one batch size."""
        self.orders = tuple(orders)
        self.batch_size = self.orders[0].batch_size

    def indices(self, step: int) -> np.ndarray:
        """The examples of `step` in each of the R runs, int32 [batch_size, R]."""
        return np.stack([order.indices(step) for order in self.orders], axis=1)
