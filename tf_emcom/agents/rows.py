"""The states of several agents of one kind."""

import contextlib
from collections.abc import Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

# The state of one agent, one tensor a variable.
Row = list[tf.Tensor]


class Rows:
    """The states of n agents that share one set of layers: row i is agent i's weights and whatever learns with them.

    The layers are built once, for one agent, and compute with whichever row is bound to their variables. Rows are
    stacked, so that which agent acts is data: a compiled function reads another row without being traced again and
    without asking the host. The only agent of its kind needs no stack: its row is the variables themselves.

    It is created within the strategy's scope. A row is laid out like `variables`; of `stacks` there is one a variable,
    [n, ...], or they are the variables themselves where n = 1.
    """

    def __init__(self, variables: Sequence[keras.Variable], rows: Sequence[Sequence[np.ndarray]]) -> None:
        """`rows` are the first states, in the order of the variables."""
        self.count = len(rows)
        self.variables = tuple(variables)
        if self.count == 1:
            self.stacks = self.variables
            self.replace(0, self.variables, rows[0])
        else:
            self.stacks = tuple(
                # Each replica updates its own copy, all alike.
                keras.Variable(np.stack(values), dtype=v.dtype, trainable=False, aggregation="none", name=v.name)
                for v, *values in zip(self.variables, *rows, strict=True)
            )

    def read(self, index: tf.Tensor, variables: Sequence[keras.Variable] | None = None) -> Row:
        """What agent `index`, int32 [], has of the variables; None: its whole row."""
        stacks = self.stacks if variables is None else self.stacks_of(variables)
        return [stack.value if self.count == 1 else tf.gather(stack.value, index) for stack in stacks]

    def write(self, index: tf.Tensor, row: Row, variables: Sequence[keras.Variable] | None = None) -> None:
        """Replaces what agent `index`, int32 [], has of the variables, None: all; all replicas do the same."""
        stacks = self.stacks if variables is None else self.stacks_of(variables)
        for stack, value in zip(stacks, row, strict=True):
            if self.count == 1:
                stack.assign(value)
            else:
                # Of a large stack, only the row is touched.
                stack.value.scatter_update(tf.IndexedSlices(value[tf.newaxis], tf.reshape(index, [1])))

    def load(self, index: tf.Tensor) -> None:
        """Makes the layers hold the row of agent `index`, int32 [], so that it is changed in place; in a step."""
        if self.count > 1:
            for variable, value in zip(self.variables, self.read(index), strict=True):
                variable.assign(value)

    def store(self, index: tf.Tensor) -> None:
        """Keeps what the layers hold as the row of agent `index`, int32 []; in a step."""
        if self.count > 1:
            self.write(index, [tf.convert_to_tensor(variable.value) for variable in self.variables])

    def stacks_of(self, variables: Sequence[keras.Variable]) -> list[keras.Variable]:
        """The stacks of some of the variables."""
        return [self.stacks[self._place(variable)] for variable in variables]

    def value(self, index: int, variable: keras.Variable) -> np.ndarray:
        """What agent `index` has of a variable; a look from the host."""
        stack = _first_copy(self.stacks[self._place(variable)])
        return stack if self.count == 1 else stack[index]

    def replace(self, index: int, variables: Sequence[keras.Variable], values: Sequence[np.ndarray]) -> None:
        """Gives agent `index` other values of some of the variables; from the host, between steps."""
        for variable, value in zip(variables, values, strict=True):
            stack = self.stacks[self._place(variable)]
            if self.count == 1:
                stack.assign(value)
            else:
                changed = _first_copy(stack).copy()
                changed[index] = value
                stack.assign(changed)

    def lend(self, index: int, variables: Sequence[keras.Variable]) -> None:
        """Makes the layers hold agent `index`'s values of their variables; from the host, between steps."""
        if self.count > 1:
            for variable in variables:
                variable.assign(self.value(index, variable))

    def _place(self, variable: keras.Variable) -> int:
        return next(i for i, own in enumerate(self.variables) if own is variable)


@contextlib.contextmanager
def bound(variables: Sequence[keras.Variable], row: Row) -> Iterator[keras.StatelessScope]:
    """Within it, layers compute with the row instead of their variables, and what they assign goes into the scope."""
    with keras.StatelessScope(state_mapping=list(zip(variables, row, strict=True))) as scope:
        yield scope


def row_in(scope: keras.StatelessScope, variables: Sequence[keras.Variable]) -> Row:
    """The row as it stands in a scope, after what was assigned there."""
    return [scope.get_current_value(variable) for variable in variables]


def _first_copy(variable: keras.Variable) -> np.ndarray:
    # Replicas hold the same values.
    return np.asarray(tf.convert_to_tensor(variable.value))
