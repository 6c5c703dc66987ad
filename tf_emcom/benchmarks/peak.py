"""The machine's best matrix product."""

import functools
import time

import tensorflow as tf

# Square ones, and those of the agents' layers at a batch of 1,024: [B, inputs + units] by [inputs + units, 4 × units].
_SHAPES = ((1024, 1024, 1024), (2048, 2048, 2048), (4096, 2048, 1024), (1024, 2048, 512), (1024, 512, 2048))

# As many products a look as make so many operations.
_OPERATIONS = int(2e10)


class Peak:
    """The most operations a second that any of several matrix products reached so far, for each type of number.

    A product of [m, k] and [k, n] counts 2·m·k·n operations.
    """

    def __init__(self, shapes: tuple[tuple[int, int, int], ...] = _SHAPES, operations: int = _OPERATIONS) -> None:
        """`shapes`: m, k, n of each product; `operations`: about how many each look makes of each."""
        self._shapes = shapes
        self._operations = operations
        self._best: dict[str, float] = {}

    def look(self, dtype: str = "float32") -> float:
        """Multiplies each of them again, and returns the best of all times so far, operations a second."""
        for shape in self._shapes:
            self._best[dtype] = max(self._best.get(dtype, 0.0), self._speed(shape, dtype))
        return self._best[dtype]

    def best(self, dtype: str = "float32") -> float:
        """The best so far; looks where it has not yet."""
        return self._best[dtype] if dtype in self._best else self.look(dtype)

    def _speed(self, shape: tuple[int, int, int], dtype: str) -> float:
        left, right = _operands(shape, dtype)
        operations = operations_of_product(*shape)
        repeats = max(1, self._operations // operations)
        # The first product of a shape is slower, and what is read back is waited for.
        float(tf.matmul(left, right)[0, 0])
        begin = time.perf_counter()
        for _ in range(repeats):
            product = tf.matmul(left, right)
        float(product[0, 0])
        return repeats * operations / (time.perf_counter() - begin)


def operations_of_product(rows: int, inner: int, columns: int) -> int:
    """A multiplication and an addition for each of rows × inner × columns."""
    return 2 * rows * inner * columns


@functools.cache
def _operands(shape: tuple[int, int, int], dtype: str) -> tuple[tf.Tensor, tf.Tensor]:
    rows, inner, columns = shape
    left = tf.random.stateless_normal([rows, inner], [0, 1])
    right = tf.random.stateless_normal([inner, columns], [0, 2])
    return tf.cast(left, dtype), tf.cast(right, dtype)
