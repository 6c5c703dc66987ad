"""Optimizers whose state and arithmetic are the same on every strategy."""

import abc
import math
import types
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tf_emcom.checks import Checked, NotNegative, Share
from tf_emcom.errors import UserError, require_number
from tf_emcom.schedules import Schedule, at, bounds_of

# Some variables ↦ what holds them for several agents, each with a leading axis.
StacksOf = Callable[[Sequence[keras.Variable]], Sequence[keras.Variable]]


class Optimizer(Checked, tf.Module, abc.ABC):
    """Turns gradients into new weights, inside the compiled step.

    Keras' optimisers sum gradients over replicas by themselves, each on its own terms; here gradients arrive summed,
    so that clipping sees the true gradient, and an optimiser is plain arithmetic on variables that every replica does
    alike. There is no adaptor for Keras': with TensorFlow they write to their variables past `keras.StatelessScope`,
    and refuse `stateless_apply`, so that agents which are rows of a stack cannot use them.

    It is created, like the variables it updates, within the strategy's scope. What it remembers is in `slots`, beside
    the weights, and in `counts`; all of it is 0 at first.
    """

    def slots(self, variables: Sequence[keras.Variable], name: str) -> list[keras.Variable]:
        """A float variable of zeros beside each of `variables`."""
        made = [zeros(v.shape, "float32", f"{name}_{i}") for i, v in enumerate(variables)]
        self._slots = (*getattr(self, "_slots", ()), tuple(made))
        return made

    def counts(self, variables: Sequence[keras.Variable], name: str) -> keras.Variable:
        """Zeros, int32 [n]: a count for each of n variables, since each may be reset by itself."""
        made = zeros((len(variables),), "int32", name)
        self._counts = (*getattr(self, "_counts", ()), made)
        return made

    @property
    def state(self) -> list[keras.Variable]:
        """Everything it remembers, and what the optimisers within it do."""
        return list(self._flatten(predicate=lambda value: isinstance(value, keras.Variable)))

    def slots_of(self, positions: Sequence[int]) -> list[keras.Variable]:
        """The slots of the variables at these positions, and of no others."""
        return [column[i] for column in self._all("_slots") for i in positions]

    @property
    def counters(self) -> list[keras.Variable]:
        """The counts, each int32 [n]."""
        return self._all("_counts")

    def _all(self, kind: str) -> list[Any]:
        # Optimisers may lie within one another.
        parts = [part for part in (self, *self.submodules) if isinstance(part, Optimizer)]
        return [made for part in parts for made in getattr(part, kind, ())]

    def apply(self, gradients: Sequence[tf.Tensor], step: tf.Tensor) -> None:
        """Updates the variables with `gradients`, each of its shape, summed over replicas, at `step`, int []."""
        raise TypeError(f"{type(self).__name__} does not say how it updates.")

    @property
    def works_on_stacks(self) -> bool:
        """Whether every number is updated by itself, so that rows of a stack can be updated all at once."""
        return False

    def apply_to_stacks(self, stacks_of: StacksOf, gradients: Sequence[tf.Tensor], step: tf.Tensor) -> None:
        """As `apply`, for R rows that have had the same updates: variables and gradients have a leading axis R.

        `stacks_of` gives the stacks of some of its variables.
        """
        raise TypeError(f"{type(self).__name__} does not update stacks.")


def zeros(shape: Sequence[int], dtype: str, name: str) -> keras.Variable:
    """A variable that each replica updates by itself, all alike."""
    return keras.Variable(tf.zeros(shape, dtype), dtype=dtype, trainable=False, aggregation="none", name=name)


class _Moments(NamedTuple):
    """A weight and what Adam remembers of its gradients."""

    variable: keras.Variable
    first: keras.Variable
    second: keras.Variable


class _Scalars(NamedTuple):
    """What an update of one weight takes besides tensors, each []."""

    rate: tf.Tensor
    first_power: tf.Tensor  # b1 to the power of the updates
    second_power: tf.Tensor
    floor: tf.Tensor  # what the kernel adds below


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, algorithm 1), with decoupled weight decay (Loshchilov & Hutter 2019) if above zero."""

    def __init__(
        self,
        variables: Sequence[keras.Variable],
        learning_rate: Schedule | float = 1e-4,
        b1: Share = 0.9,
        b2: Share = 0.999,
        epsilon: NotNegative = 1e-8,
        weight_decay: NotNegative = 0.0,
    ) -> None:
        super().__init__()
        self.learning_rate = _rate(self, learning_rate)
        self.b1, self.b2, self.epsilon, self.weight_decay = b1, b2, epsilon, weight_decay
        self._trained = _hidden(variables)
        # Of each weight: they differ from the run's steps, and from each other, once weights are reset.
        self.updates = self.counts(variables, "updates")
        self.first_moments = self.slots(variables, "first_moment")
        self.second_moments = self.slots(variables, "second_moment")

    def apply(self, gradients: Sequence[tf.Tensor], step: tf.Tensor) -> None:
        moments = zip(self._trained.variables, self.first_moments, self.second_moments, strict=True)
        self._apply([_Moments(*each) for each in moments], self.updates, gradients, step)

    def apply_to_stacks(self, stacks_of: StacksOf, gradients: Sequence[tf.Tensor], step: tf.Tensor) -> None:
        kinds = zip(*map(stacks_of, (self._trained.variables, self.first_moments, self.second_moments)), strict=True)
        (updates,) = stacks_of([self.updates])
        self._apply([_Moments(*each) for each in kinds], updates, gradients, step)

    @property
    def works_on_stacks(self) -> bool:
        return type(self).scaled is Adam.scaled

    def _apply(
        self, moments: Sequence[_Moments], updates: keras.Variable, gradients: Sequence[tf.Tensor], step: tf.Tensor
    ) -> None:
        count = tf.cast(updates.value, tf.float32) + 1.0
        # All rows of a stack have had the same updates.
        count = count if count.shape.rank == 1 else count[0]
        first_powers, second_powers = self.b1**count, self.b2**count
        # As TensorFlow's kernel has it: √v without its bias has ε scaled by what that leaves out beside it.
        floors = self.epsilon * tf.sqrt(1.0 - second_powers)
        rate = at(self.learning_rate, step)
        is_plain = self.works_on_stacks and not self.weight_decay
        # What is a row of a stack is a tensor, and the kernel takes variables only.
        in_place = is_plain and all(isinstance(each.variable.value, tf.Variable) for each in moments)
        update = self._update_in_place if in_place else self._update
        scalars = map(tf.unstack, (first_powers, second_powers, floors))
        for each, gradient, *own in zip(moments, gradients, *scalars, strict=True):
            update(each, gradient, _Scalars(rate, *own))
        updates.assign(updates.value + 1)

    def _update_in_place(self, moments: _Moments, gradient: tf.Tensor, scalars: _Scalars) -> None:
        """A weight and its moments are read and written once."""
        variable, first, second = (each.value.handle for each in moments)
        rate, first_power, second_power, floor = scalars
        tf.raw_ops.ResourceApplyAdam(
            var=variable, m=first, v=second, beta1_power=first_power, beta2_power=second_power,
            lr=rate, beta1=self.b1, beta2=self.b2, epsilon=floor, grad=gradient,
        )  # fmt: skip

    def _update(self, moments: _Moments, gradient: tf.Tensor, scalars: _Scalars) -> None:
        """The same, operation by operation."""
        variable, first, second = moments
        rate, first_power, second_power, floor = scalars
        # In float32, as the kernel has them and as the powers are: rounding then cancels against the biases.
        new, new_square = (1.0 - tf.constant(b, tf.float32) for b in (self.b1, self.b2))
        mean = first.value + (gradient - first.value) * new
        square = second.value + (tf.square(gradient) - second.value) * new_square
        update = mean * (tf.sqrt(1.0 - second_power) / (1.0 - first_power)) / (tf.sqrt(square) + floor)
        if self.weight_decay:
            update += self.weight_decay * variable.value
        first.assign(mean)
        second.assign(square)
        variable.assign(variable.value - rate * self.scaled(update, variable))

    def scaled(self, update: tf.Tensor, variable: keras.Variable) -> tf.Tensor:
        """The update of a variable, decay included and of its shape, before the learning rate; here as it is."""
        return update


class Lamb(Adam):
    """LAMB (You et al. 2020, algorithm 2, φ(z) = z): Adam whose update of each weight is as long as the weight itself.

    Where a weight or its update is all 0, as biases are at first, the update stays as it is. Keras' Lamb decays weights
    outside of this scaling; without decay both do the same.
    """

    def __init__(
        self,
        variables: Sequence[keras.Variable],
        learning_rate: Schedule | float = 1e-3,
        b1: Share = 0.9,
        b2: Share = 0.999,
        epsilon: NotNegative = 1e-6,
        weight_decay: NotNegative = 0.0,
    ) -> None:
        super().__init__(variables, learning_rate, b1, b2, epsilon, weight_decay)

    def scaled(self, update: tf.Tensor, variable: keras.Variable) -> tf.Tensor:
        weight, length = (tf.sqrt(tf.reduce_sum(tf.square(value))) for value in (variable.value, update))
        ratio = tf.math.divide_no_nan(weight, length)
        return tf.where(ratio > 0.0, ratio, 1.0) * update


class Sgd(Optimizer):
    """Gradient descent, with momentum (Polyak 1964) or Nesterov's (Sutskever et al. 2013) if above zero, as in Keras.

    The velocity is u ← momentum · u − rate · gradient, so that a learning rate that changes touches new gradients only.
    """

    def __init__(
        self,
        variables: Sequence[keras.Variable],
        learning_rate: Schedule | float = 1e-2,
        momentum: Share = 0.0,
        nesterov: bool = False,
    ) -> None:
        """`nesterov`: weights go a step ahead along the velocity; UserError with a momentum of 0, which has none."""
        super().__init__()
        if nesterov and not momentum:
            raise UserError("Sgd.nesterov is True, but momentum is 0; bind Sgd.momentum above 0, as in 0.9.")
        self.learning_rate = _rate(self, learning_rate)
        self.momentum, self.nesterov = momentum, nesterov
        self._trained = _hidden(variables)
        self.velocities = self.slots(variables, "velocity") if momentum else []

    def apply(self, gradients: Sequence[tf.Tensor], step: tf.Tensor) -> None:
        rate = at(self.learning_rate, step)
        moves = [-rate * gradient for gradient in gradients]
        if self.momentum:
            velocities = []
            for velocity, move in zip(self.velocities, moves, strict=True):
                velocities.append(self.momentum * velocity.value + move)
                velocity.assign(velocities[-1])
            ahead = [self.momentum * u + move for u, move in zip(velocities, moves, strict=True)]
            moves = ahead if self.nesterov else velocities
        for variable, move in zip(self._trained.variables, moves, strict=True):
            variable.assign(variable.value + move)


class RmsProp(Optimizer):
    """RMSProp (Tieleman & Hinton 2012): gradients divided by the root of a moving average of their squares.

    As in Keras, epsilon is added below the root, and `momentum`, if above zero, sums up what is divided:
    u ← momentum · u + rate · gradient / √(average + epsilon).
    """

    def __init__(
        self,
        variables: Sequence[keras.Variable],
        learning_rate: Schedule | float = 1e-3,
        rho: Share = 0.9,
        momentum: Share = 0.0,
        epsilon: NotNegative = 1e-7,
    ) -> None:
        """The average keeps `rho` at each update."""
        super().__init__()
        self.learning_rate = _rate(self, learning_rate)
        self.rho, self.momentum, self.epsilon = rho, momentum, epsilon
        self._trained = _hidden(variables)
        self.averages = self.slots(variables, "square")
        self.velocities = self.slots(variables, "velocity") if momentum else []

    def apply(self, gradients: Sequence[tf.Tensor], step: tf.Tensor) -> None:
        rate = at(self.learning_rate, step)
        moves = []
        for gradient, average in zip(gradients, self.averages, strict=True):
            square = self.rho * average.value + (1.0 - self.rho) * tf.square(gradient)
            average.assign(square)
            moves.append(rate * gradient / tf.sqrt(square + self.epsilon))
        for i, velocity in enumerate(self.velocities):
            moves[i] += self.momentum * velocity.value
            velocity.assign(moves[i])
        for variable, move in zip(self._trained.variables, moves, strict=True):
            variable.assign(variable.value - move)


class _LimitedNorm(Optimizer):
    """Looks at how long all gradients are together, for another optimizer."""

    def __init__(
        self,
        variables: Sequence[keras.Variable],
        limit: float,
        then_cls: Callable[[Sequence[keras.Variable]], Optimizer],
    ) -> None:
        """UserError unless limit > 0."""
        super().__init__()
        if limit <= 0:
            name = type(self).__name__
            raise UserError(f"{name}.limit is {limit}, which would stop all learning; bind it above 0.")
        self.limit = limit
        self._trained = _hidden(variables)
        self.then = then_cls(variables)


class ClipByGlobalNorm(_LimitedNorm):
    """Scales gradients to a joint length of at most `limit` (Pascanu et al. 2013), for another optimiser."""

    def apply(self, gradients: Sequence[tf.Tensor], step: tf.Tensor) -> None:
        clipped, _ = tf.clip_by_global_norm(list(gradients), self.limit)
        self.then.apply(clipped, step)


class SkipAboveGlobalNorm(_LimitedNorm):
    """Leaves out updates whose gradients are together longer than `limit` (EaS, appendix A.4), for another optimizer.

    Such an update changes neither weights nor the other optimizer's state; a moving average of the weights follows
    all the same. Gradients that hold NaN or infinity are not left out: they make the weights NaN, so that `StopOnNan`
    sees what would otherwise be an agent that has stopped to learn unnoticed.
    """

    def apply(self, gradients: Sequence[tf.Tensor], step: tf.Tensor) -> None:
        is_finite = tf.reduce_all(tf.stack([tf.reduce_all(tf.math.is_finite(gradient)) for gradient in gradients]))
        # The squares of large numbers may be infinite, and are above every limit, too.
        skipped = is_finite & (tf.linalg.global_norm(gradients) > self.limit)
        changing = [*self._trained.variables, *self.then.state]
        before = [tf.identity(variable.value) for variable in changing]
        self.then.apply(gradients, step)
        for variable, value in zip(changing, before, strict=True):
            # By selection, since rows of a stack are updated all at once, and each is skipped by itself.
            variable.assign(tf.where(skipped, value, variable.value))


def _hidden(variables: Sequence[keras.Variable]) -> types.SimpleNamespace:
    # Out of checkpoints' sight: in a list of its own, weights would be saved under the optimiser's name.
    return types.SimpleNamespace(variables=tuple(variables))


def _rate(optimizer: Optimizer, learning_rate: Schedule | float) -> Schedule | float:
    """The learning rate; UserError where it may be negative."""
    for bound in bounds_of(learning_rate):
        name = f"{type(optimizer).__name__}.learning_rate"
        require_number(name, bound, 0, math.inf, "a step against the gradient has a length")
    return learning_rate
