"""Checks the arguments of constructors and functions by their annotations."""

import abc
import collections.abc
import functools
import inspect
import os
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np
import tensorflow as tf

from tf_emcom.errors import UserError

NOTHING = inspect.Parameter.empty


class Least(NamedTuple):
    """The smallest value of a number, as in `Annotated[int, Least(1)]`."""

    value: int


class Highest(NamedTuple):
    """The largest value that makes sense, as in `Annotated[float, Least(0), Highest(1)]`."""

    value: int


class Most(NamedTuple):
    """The largest value of a number that multiplies the work, unless the environment has `TF_EMCOM_NO_LIMITS=1`."""

    value: int


# Counted from 0.
Index = Annotated[int, Least(0)]
# How many of something.
Count = Annotated[int, Least(1)]
# A probability, or what a moving average keeps.
Share = Annotated[float, Least(0), Highest(1)]
NotNegative = Annotated[float, Least(0)]
# Units of a layer, and other numbers that are sizes of weights.
Size = Annotated[int, Least(1), Most(65_536)]
# A number of things that are compared pair by pair.
Compared = Annotated[int, Least(1), Most(20_000)]
# Repetitions of work that takes seconds or more, and numbers of agents.
Repeats = Annotated[int, Least(1), Most(1_000)]


def shown(value: Any) -> str:
    """A value, as a sentence names it."""
    return f"the class {value.__name__}" if isinstance(value, type) else f"{' '.join(repr(value).split()):.80}"


def expected(hint: Any) -> str:
    """The values that an annotation allows, as the end of `it has to be …`."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        low, high = ([limit.value for limit in parts[1:] if isinstance(limit, kind)] for kind in (Least, Highest))
        between = f" between {low[0]} and {high[0]}" if low and high else ""
        return expected(parts[0]) + (between or "".join(f", {value} or more" for value in low))
    if origin in (typing.Union, types.UnionType):
        allowed = [expected(part) for part in sorted(parts, key=lambda part: part is type(None))]
        return (", or " if "," in "".join(allowed) else " or ").join(allowed)
    if hint in _PLAIN:
        return _PLAIN[hint][0]
    if origin is collections.abc.Callable:
        return f"a class of {_named(parts[-1])}, or a function that makes one"
    if inspect.isclass(origin) and issubclass(origin, Mapping):
        return f"a dictionary from {expected(parts[0])} to {expected(parts[1])}"
    if inspect.isclass(origin) and issubclass(origin, Sequence):
        return f"a list, each element {expected(parts[0])}"
    return f"an object of {_named(hint)}"


def _named(kind: Any) -> str:
    names = [getattr(part, "__name__", str(part)) for part in typing.get_args(kind) or (kind,)]
    return " or ".join(f"{'an' if name[:1] in 'AEIOU' else 'a'} {name}" for name in names)


def example(hint: Any, default: Any) -> str:
    """A value that fits, as gin writes it; empty where none is known."""
    if default is not NOTHING and default is not None and default != ():
        maker = default.func if isinstance(default, functools.partial) else default
        if isinstance(maker, type):
            return f"@{maker.__name__}"
        is_component = type(default).__module__.startswith(__package__)
        return f"@{type(default).__name__}()" if is_component else repr(default)
    for part in (hint, *typing.get_args(hint)):
        if typing.get_origin(part) is collections.abc.Callable:
            names, call = _makers(typing.get_args(part)[-1]), ""
        elif inspect.isclass(part) and part not in _PLAIN:
            names, call = _makers(part), "()"
        else:
            continue
        for name in sorted(names):
            return f"[@{name}{call}]" if typing.get_origin(hint) is Sequence else f"@{name}{call}"
    return ""


def is_base(cls: type) -> bool:
    """Whether a class is only for subclasses: it is abstract, or names `abc.ABC` as one of its bases."""
    return inspect.isabstract(cls) or abc.ABC in cls.__bases__


def subclasses(base: type[Any]) -> Iterator[type[Any]]:
    """All classes that derive from a class, as their modules have them; gin makes others of the same name."""
    for cls in base.__subclasses__():
        yield from subclasses(cls)
        if getattr(sys.modules.get(cls.__module__), cls.__name__, None) is cls:
            yield cls


def _makers(kind: Any) -> Iterator[str]:
    """The names of the imported classes of a family that can be built."""
    for part in typing.get_args(kind) or (kind,):
        if inspect.isclass(part) and not part.__module__.startswith("keras."):
            # gin makes subclasses of the same name.
            below = [name for each in part.__subclasses__() for name in _makers(each) if name != part.__name__]
            yield from below
            hidden = is_base(part) or getattr(part, "_is_protocol", False) or part.__name__.startswith("_")
            if not below and not hidden:
                yield part.__name__


_LIFTED = "TF_EMCOM_NO_LIMITS"
_LARGEST = float(np.finfo(np.float32).max)
_MISFIT = object()


class _TooMuch(Exception):
    """A number, the first argument, is above the limit of its annotation, the second one."""


class Checked:
    """A class whose constructor accepts only values that fit its annotations.

    Integers and floats of NumPy become those of Python, paths become texts, and whole numbers become floats for a
    parameter that is a float. Other values that do not fit raise a `UserError`: a text for a number, NaN, infinity, an
    object instead of a class, a class of another family. Subclasses inherit the check, for their own annotations.
    """

    def __init_subclass__(cls, **given: Any) -> None:
        """Puts the check before the class's own constructor."""
        super().__init_subclass__(**given)
        if "__init__" in vars(cls):
            cls.__init__ = _checking(vars(cls)["__init__"])  # type: ignore[method-assign]  # what the class is for


def _checking(init: Callable[..., None]) -> Callable[..., None]:
    signature = inspect.signature(init)

    @functools.wraps(init)
    def checked(self: object, *args: Any, **kwargs: Any) -> None:
        try:
            bound = signature.bind_partial(self, *args, **kwargs)
        except TypeError:
            return init(self, *args, **kwargs)  # Python names the argument that does not exist.
        hints = _hints(init)
        for name, value in bound.arguments.items():
            parameter = signature.parameters[name]
            if name in hints and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                own_name = f"{type(self).__name__}.{name}"
                bound.arguments[name] = checked_value(own_name, value, hints[name], parameter.default)
        return init(*bound.args, **bound.kwargs)

    # Keras reads the names of the arguments from the wrapper itself.
    checked.__signature__ = signature  # type: ignore[attr-defined]  # typeshed does not know it
    return checked


def checked_value(name: str, value: Any, hint: Any, default: Any = NOTHING) -> Any:
    """Checks a value, and converts it to the type of its annotation, `hint`.

    UserError where it does not fit, with the name, such as `Speaker.vocab_size`, and the default, as an example.
    """
    try:
        fitted = _fitted(value, hint)
    except _TooMuch as error:
        number, most = error.args
        raise UserError(
            f"{name} is {number}, which would take days or all memory; bind it to {most} or less, or set"
            f" {_LIFTED}=1 in the environment if you mean it."
        ) from None
    if fitted is _MISFIT and isinstance(value, int) and abs(value) >= 2**63:
        raise UserError(f"{name} is {shown(value)}, which needs more than 64 bits; give a smaller number.")
    if fitted is _MISFIT:
        raise UserError(f"{name} is {shown(value)}, but it has to be {expected(hint)}{_advice(value, hint, default)}.")
    return fitted


def _advice(value: Any, hint: Any, default: Any) -> str:
    fitting = example(hint, default)
    if not fitting:
        return ""
    if isinstance(value, type) and "()" in fitting:
        # The class that was given, if its objects fit, or another one.
        own = f"{'@' if fitting.startswith('@') else ''}{value.__name__}()" if _makes(value, hint) else fitting
        return f"; give one, as in {own}, with the parentheses"
    advice = f"; give one, as in {fitting}"
    return f"{advice}, without parentheses" if fitting.startswith("@") and "()" not in fitting else advice


@functools.cache
def _hints(init: Callable[..., None]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(init, include_extras=True)
    except (NameError, AttributeError, TypeError):
        return {}  # A plug-in may have annotations that only type checkers understand.


def _fitted(value: Any, hint: Any) -> Any:
    """The value, converted to the type of the annotation, or `_MISFIT`."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        fitted = _fitted(value, parts[0])
        for limit in parts[1:] if fitted is not _MISFIT else ():
            if isinstance(limit, Least) and fitted < limit.value or isinstance(limit, Highest) and fitted > limit.value:
                return _MISFIT
            if isinstance(limit, Most) and fitted > limit.value and not os.environ.get(_LIFTED):
                raise _TooMuch(fitted, limit.value)
        return fitted
    if origin in (typing.Union, types.UnionType):
        return next((fit for fit in (_fitted(value, part) for part in parts) if fit is not _MISFIT), _MISFIT)
    if hint in _PLAIN:
        return _PLAIN[hint][1](value)
    if origin is collections.abc.Callable or hint is Callable:
        return value if _makes(value, parts[-1] if parts else Any) else _MISFIT
    if inspect.isclass(origin) and issubclass(origin, Mapping):
        return _fitted_mapping(value, *parts)
    if inspect.isclass(origin) and issubclass(origin, Sequence):
        return _fitted_sequence(value, parts[0])
    if not inspect.isclass(hint) or hint is object:
        return value
    return value if _is_one(value, hint) else _MISFIT


def _whole(value: Any) -> Any:
    is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return int(value) if is_whole and abs(int(value)) < 2**63 else _MISFIT


def _finite(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return _MISFIT
    try:
        number = float(value)
    except OverflowError:
        return _MISFIT
    # Computations use float32.
    return number if abs(number) <= _LARGEST else _MISFIT


def _array(value: Any) -> Any:
    if isinstance(value, str | bytes | type) or not (hasattr(value, "__array__") or isinstance(value, Sequence)):
        return _MISFIT
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):
        return _MISFIT
    return array if array.dtype.kind in "biuf" or isinstance(value, np.ndarray) else _MISFIT


# Annotation ↦ what fits it, in words, and a function that converts a value or returns `_MISFIT`.
_PLAIN: dict[Any, tuple[str, Callable[[Any], Any]]] = {
    Any: ("anything", lambda value: value),
    int: ("a whole number", _whole),
    float: ("a finite number", _finite),
    bool: ("True or False", lambda value: bool(value) if isinstance(value, bool | np.bool_) else _MISFIT),
    str: ("a text in quotes", lambda value: os.fspath(value) if isinstance(value, str | os.PathLike) else _MISFIT),
    np.ndarray: ("an array of numbers", _array),
    type(None): ("None", lambda value: None if value is None else _MISFIT),
}


def _fitted_sequence(value: Any, part: Any) -> Any:
    is_listed = isinstance(value, Sequence) or (isinstance(value, np.ndarray) and value.ndim > 0)
    if not is_listed or isinstance(value, str | bytes):
        return _MISFIT
    fitted = [_fitted(each, part) for each in value]
    if any(each is _MISFIT for each in fitted):
        return _MISFIT
    if isinstance(value, Sequence) and all(new is old for new, old in zip(fitted, value, strict=True)):
        return value
    return fitted if isinstance(value, list) else tuple(fitted)


def _fitted_mapping(value: Any, key: Any, part: Any) -> Any:
    if not isinstance(value, Mapping):
        return _MISFIT
    fitted = {_fitted(name, key): _fitted(each, part) for name, each in value.items()}
    return _MISFIT if any(each is _MISFIT for each in (*fitted, *fitted.values())) else fitted


def _makes(value: Any, made: Any) -> bool:
    """Whether a call of the value can return an object of the class `made`."""
    if isinstance(value, Checked) or not callable(value):
        return False  # A layer can be called too, but does not return layers.
    maker = inspect.unwrap(value)
    while isinstance(maker, functools.partial):
        maker = inspect.unwrap(maker.func)
    wanted = [part for part in typing.get_args(made) or (made,) if part is not type(None)]
    if not inspect.isclass(maker) or not all(map(inspect.isclass, wanted)):
        return True
    return any(issubclass(maker, part) for part in wanted)


def _is_one(value: Any, kind: type) -> bool:
    if isinstance(value, type) and kind is not type:
        return False
    if not getattr(kind, "_is_protocol", False):
        return isinstance(value, kind)
    members = {*vars(kind), *getattr(kind, "__annotations__", ())}
    return all(hasattr(value, name) for name in members if not name.startswith("_"))


def assert_ranks(**expected: tuple[tf.Tensor, int]) -> None:
    """ValueError that names the tensor, unless each has its expected rank: `assert_ranks(scores=(scores, 2))`."""
    for name, (tensor, rank) in expected.items():
        shape = tf.convert_to_tensor(tensor).shape
        if shape.rank != rank:
            raise ValueError(f"{name} has shape {shape}, which is rank {shape.rank}; rank {rank} is expected.")
