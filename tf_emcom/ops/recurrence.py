"""Recurrent cells over a whole message: step by step forwards, and in few large products backwards.

Here games are columns: a state is [H, B], inputs are [E + 1, B] with a last row of ones, and weights stand on the left.
The wide matrix is then the side of a product that libraries for CPUs need not copy, and gates are parts without a copy.
"""

import abc
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow.python.eager import record  # there is no public function for it

from tf_emcom.checks import assert_ranks

# Some tensors [..., B] of one symbol.
Columns = tuple[tf.Tensor, ...]


def as_columns(inputs: tf.Tensor) -> tf.Tensor:
    """Inputs [..., B, E] ↦ [..., E + 1, B], with a last row of ones, by which biases are part of a product."""
    # Not padded with ones: `tf.vectorized_map` pads with zeros in any case.
    return tf.linalg.matrix_transpose(tf.concat([inputs, tf.ones_like(inputs[..., :1])], axis=-1))


class Step(NamedTuple):
    """What the step of a cell made, and what its gradient needs."""

    state: Columns  # each [H, B]; the first is the output
    lefts: Columns  # what the weights of each group of gates were multiplied with
    kept: Columns


class Cell(abc.ABC):
    """A recurrent cell with the weights of one moment: kernel [E, G], bias [G], recurrent kernel [H, G].

    G are the gates' rows, in one group or more, of `groups` rows each; each group is one product a step.
    """

    def __init__(self, kernel: tf.Tensor, bias: tf.Tensor, recurrent: tf.Tensor) -> None:
        assert_ranks(kernel=(kernel, 2), bias=(bias, 1), recurrent=(recurrent, 2))
        self.weights = (kernel, bias, recurrent)
        self.units = recurrent.shape[0]
        self.groups = self.groups_of(self.units)
        # [G, E + 1], and of each group [rows, H + E + 1], for a state of zeros and for any other.
        self.of_inputs = tf.concat([tf.transpose(kernel), bias[:, tf.newaxis]], axis=1)
        self.of_all = tf.split(tf.concat([tf.transpose(recurrent), self.of_inputs], axis=1), self.groups, axis=0)

    @abc.abstractmethod
    def groups_of(self, units: int) -> list[int]:
        """The rows of each group of gates, for H = `units`."""

    @abc.abstractmethod
    def forward(self, inputs: tf.Tensor, state: Columns | None) -> Step:
        """One step with inputs [E + 1, B]; None: from the state of zeros, whose products are not computed."""

    @abc.abstractmethod
    def backward(self, step: Step, before: Columns | None, upstream: Columns) -> tuple[Columns, Columns]:
        """The gradients of a step from `before`, given those of its state: of each group's gates, and of `before`."""


class Lstm(Cell):
    """Gates in Keras' order: into, keep, new, out. The state is (h, c)."""

    def groups_of(self, units: int) -> list[int]:
        return [4 * units]

    def forward(self, inputs: tf.Tensor, state: Columns | None) -> Step:
        left = inputs if state is None else tf.concat([state[0], inputs], axis=0)
        gates = tf.matmul(self.of_inputs if state is None else self.of_all[0], left)
        into, keep, new, out = tf.split(gates, 4, axis=0)
        into, keep, new, out = tf.sigmoid(into), tf.sigmoid(keep), tf.tanh(new), tf.sigmoid(out)
        memory = into * new if state is None else keep * state[1] + into * new
        squashed = tf.tanh(memory)
        return Step((out * squashed, memory), (left,), (into, keep, new, out, squashed))

    def backward(self, step: Step, before: Columns | None, upstream: Columns) -> tuple[Columns, Columns]:
        into, keep, new, out, squashed = step.kept
        d_hidden, *d_memory = upstream
        d_memory = tf.add_n([*d_memory, tf.raw_ops.TanhGrad(y=squashed, dy=d_hidden * out)])
        d_into = tf.raw_ops.SigmoidGrad(y=into, dy=d_memory * new)
        d_new = tf.raw_ops.TanhGrad(y=new, dy=d_memory * into)
        d_out = tf.raw_ops.SigmoidGrad(y=out, dy=d_hidden * squashed)
        if before is None:
            return (tf.concat([d_into, tf.zeros_like(d_into), d_new, d_out], axis=0),), ()
        d_keep = tf.raw_ops.SigmoidGrad(y=keep, dy=d_memory * before[1])
        d_gates = tf.concat([d_into, d_keep, d_new, d_out], axis=0)
        return (d_gates,), (tf.matmul(self.weights[2], d_gates), d_memory * keep)


class Gru(Cell):
    """Gates in Keras' order: keep, reset; then new, which the reset acts before. The state is (h,)."""

    def groups_of(self, units: int) -> list[int]:
        return [2 * units, units]

    def forward(self, inputs: tf.Tensor, state: Columns | None) -> Step:
        if state is None:
            keep, _, new = tf.split(tf.matmul(self.of_inputs, inputs), 3, axis=0)
            keep, new = tf.sigmoid(keep), tf.tanh(new)
            return Step((new - keep * new,), (inputs, inputs), (keep, new))
        (hidden,) = state
        left = tf.concat([hidden, inputs], axis=0)
        keep, reset = tf.split(tf.sigmoid(tf.matmul(self.of_all[0], left)), 2, axis=0)
        left_of_new = tf.concat([reset * hidden, inputs], axis=0)
        new = tf.tanh(tf.matmul(self.of_all[1], left_of_new))
        return Step((keep * hidden + (1.0 - keep) * new,), (left, left_of_new), (keep, new, reset))

    def backward(self, step: Step, before: Columns | None, upstream: Columns) -> tuple[Columns, Columns]:
        keep, new, *reset = step.kept
        (d_hidden,) = upstream
        d_new = tf.raw_ops.TanhGrad(y=new, dy=d_hidden * (1.0 - keep))
        if before is None:
            d_keep = tf.raw_ops.SigmoidGrad(y=keep, dy=-d_hidden * new)
            return (tf.concat([d_keep, tf.zeros_like(d_keep)], axis=0), d_new), ()
        (hidden,), (reset,) = before, reset
        of_gates, of_new = tf.split(self.weights[2], self.groups, axis=1)
        d_kept_part = tf.matmul(of_new, d_new)
        d_keep = tf.raw_ops.SigmoidGrad(y=keep, dy=d_hidden * (hidden - new))
        d_gates = tf.concat([d_keep, tf.raw_ops.SigmoidGrad(y=reset, dy=d_kept_part * hidden)], axis=0)
        return (d_gates, d_new), (d_hidden * keep + d_kept_part * reset + tf.matmul(of_gates, d_gates),)


class Steps:
    """The steps of a core over one message."""

    def __init__(self, step: Callable[[tf.Tensor, Any], tuple[tf.Tensor, Any]], first: Any) -> None:
        """`step` makes inputs [B, E] and a state an output [B, H] and the next state; `first` is the first one."""
        self._step, self._state = step, first
        self._outputs: list[tf.Tensor] = []

    def take(self, inputs: tf.Tensor) -> tf.Tensor:
        """The next step: inputs [B, E] ↦ its output [B, H]."""
        output, self._state = self._step(inputs, self._state)
        self._outputs.append(output)
        return output

    def outputs(self, inputs: tf.Tensor) -> tf.Tensor:
        """The outputs [B, T, H] of all steps, which are given `inputs` [B, T, E]; steps not taken yet are taken."""
        for t in range(len(self._outputs), inputs.shape[1]):
            self.take(inputs[:, t])
        return tf.stack(self._outputs, axis=1)


class Unrolling(Steps):
    """The steps of a cell, which no tape records; then all outputs, as one differentiable operation."""

    def __init__(self, cell: Cell, first: Columns | None) -> None:
        """`first` is the first state, each [H, B]; None: zeros."""
        self.cell = cell
        self._first = first
        self._steps: list[Step] = []

    def take(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.transpose(self._taken(self._columns(inputs)))

    def outputs(self, inputs: tf.Tensor, only_last: bool = False) -> tf.Tensor:
        """The outputs of all T steps [B, T, H], or of the last one [B, H], with their gradients.

        Gradients flow to the inputs [B, T, E], the first state and the weights. Those of the weights are one product
        each over all games and symbols.
        """
        assert_ranks(inputs=(inputs, 3))
        columns = self._columns(tf.transpose(inputs, [1, 0, 2]))
        for given in tf.unstack(columns)[len(self._steps) :]:
            self._taken(given)
        with record.stop_recording():
            outputs = [step.state[0] for step in self._steps]
            result = tf.transpose(outputs[-1]) if only_last else tf.transpose(tf.stack(outputs), [2, 0, 1])
            given = [columns, *(self._first or ()), *self.cell.weights]
            results = tf.identity_n([result, *given])[:1]
        # Tapes go by this. `tf.custom_gradient` would keep every graph that it is used in until the process ends;
        # without either, as where the gradient of a whole function is asked for, it goes through the steps themselves.
        record.record_operation("unrolled", results, given, self._gradient)
        return results[0]

    def _columns(self, inputs: tf.Tensor) -> tf.Tensor:
        return as_columns(tf.cast(inputs, self.cell.weights[0].dtype))

    def _taken(self, columns: tf.Tensor) -> tf.Tensor:
        """One step with inputs [E + 1, B] ↦ its output [H, B]."""
        with record.stop_recording():
            state = self._steps[-1].state if self._steps else self._first
            self._steps.append(self.cell.forward(columns, state))
        return self._steps[-1].state[0]

    def _gradient(self, upstream: tf.Tensor) -> list[tf.Tensor]:
        count = len(self._steps)
        # Of the last output alone, or of each.
        d_outputs = [None] * (count - 1) + [tf.transpose(upstream)]
        if upstream.shape.rank == 3:
            d_outputs = tf.unstack(tf.transpose(upstream, [1, 2, 0]))
        befores = [self._first, *(step.state for step in self._steps[:-1])]
        d_groups: list[Columns] = []
        d_state: Columns = ()
        for step, before, d_output in reversed(list(zip(self._steps, befores, d_outputs, strict=True))):
            if d_output is not None:
                d_state = (d_state[0] + d_output, *d_state[1:]) if d_state else (d_output,)
            d_gates, d_state = self.cell.backward(step, before, d_state)
            d_groups.insert(0, d_gates)
        return self._of_inputs_and_weights(d_groups, d_state)

    def _of_inputs_and_weights(self, d_groups: Sequence[Columns], d_first: Columns) -> list[tf.Tensor]:
        """The gradients of inputs, first state and weights, from those of each symbol's gates."""
        kernel, _, recurrent = self.cell.weights
        d_inputs, d_weights = [], []
        # The first step has products of its own where its state was zero: they have no rows for it.
        splits = [slice(None)] if self._first else [slice(1), slice(1, None)]
        for some in (each for each in splits if self._steps[each]):
            lefts = [_side_by_side(group) for group in zip(*(step.lefts for step in self._steps[some]), strict=True)]
            d_gates = [_side_by_side(group) for group in zip(*d_groups[some], strict=True)]
            of_groups = [tf.matmul(left, d, transpose_b=True) for left, d in zip(lefts, d_gates, strict=True)]
            d_weights.append(tf.concat(of_groups, axis=1))
            kernels = tf.split(kernel, self.cell.groups, axis=1)
            of_all = tf.add_n([tf.matmul(part, d) for part, d in zip(kernels, d_gates, strict=True)])
            d_inputs.append(tf.reshape(of_all, [kernel.shape[0], len(self._steps[some]), -1]))
        # The row of ones is constant.
        d_inputs = tf.pad(tf.transpose(tf.concat(d_inputs, axis=1), [1, 0, 2]), [[0, 0], [0, 1], [0, 0]])
        of_inputs = kernel.shape[0] + 1
        d_of_inputs = tf.add_n([d[-of_inputs:] for d in d_weights])
        d_recurrent = d_weights[-1][:-of_inputs] if d_weights[-1].shape[0] > of_inputs else tf.zeros_like(recurrent)
        return [d_inputs, *d_first, d_of_inputs[:-1], d_of_inputs[-1], d_recurrent]


def _side_by_side(columns: Sequence[tf.Tensor]) -> tf.Tensor:
    return columns[0] if len(columns) == 1 else tf.concat(columns, axis=1)
