"""Annotations of arguments: limits that they can name, and what they ask for in words."""

import abc
import collections.abc
import functools
import inspect
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np

NOTHING = inspect.Parameter.empty


class Least(NamedTuple):
    """The smallest value of a number, as in `Annotated[int, Least(1)]`."""

    value: int


class Most(NamedTuple):
    """The largest value of a number that multiplies the work, as in `Annotated[int, Most(1000)]`.

    More is refused, since it would take days or all memory, unless the environment says `TF_EMCOM_NO_LIMITS=1`.
    """

    value: int


# What is counted from 0.
Index = Annotated[int, Least(0)]
# Units of a layer, and whatever else the sizes of weights are made of.
Size = Annotated[int, Least(1), Most(65_536)]
# How many things are compared pair by pair.
Compared = Annotated[int, Least(1), Most(20_000)]
# How often work is done that takes seconds or more, and how many agents there are.
Repeats = Annotated[int, Least(1), Most(1_000)]


def shown(value: Any) -> str:
    """A value, as the begin of a sentence names it."""
    return f"the class {value.__name__}" if isinstance(value, type) else f"{' '.join(repr(value).split()):.80}"


def expected(hint: Any) -> str:
    """What an annotation asks for, as the end of `it has to be …`."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        least = [f", {limit.value} or more" for limit in parts[1:] if isinstance(limit, Least)]
        return expected(parts[0]) + "".join(least)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(expected(part) for part in sorted(parts, key=lambda part: part is type(None)))
    if hint in _WORDS:
        return _WORDS[hint]
    if origin is collections.abc.Callable:
        return f"a class of {_named(parts[-1])}, or a function that makes one"
    if inspect.isclass(origin) and issubclass(origin, Mapping):
        return f"a dictionary from {expected(parts[0])} to {expected(parts[1])}"
    if inspect.isclass(origin) and issubclass(origin, Sequence):
        return f"a list, each element {expected(parts[0])}"
    return f"an object of {_named(hint)}"


_WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a finite number",
    bool: "True or False",
    str: "a text in quotes",
    np.ndarray: "an array of numbers",
    type(None): "None",
    Any: "anything",
}


def _named(kind: Any) -> str:
    names = [getattr(part, "__name__", str(part)) for part in typing.get_args(kind) or (kind,)]
    return " or ".join(f"{'an' if name[:1] in 'AEIOU' else 'a'} {name}" for name in names)


def example(hint: Any, default: Any) -> str:
    """A value that fits, as it is written in gin; empty where none is known."""
    if default is not NOTHING and default is not None and default != ():
        maker = default.func if isinstance(default, functools.partial) else default
        if isinstance(maker, type):
            return f"@{maker.__name__}"
        is_component = type(default).__module__.startswith(__package__)
        return f"@{type(default).__name__}()" if is_component else repr(default)
    for part in (hint, *typing.get_args(hint)):
        if typing.get_origin(part) is collections.abc.Callable:
            names, call = _makers(typing.get_args(part)[-1]), ""
        elif inspect.isclass(part) and part not in _WORDS:
            names, call = _makers(part), "()"
        else:
            continue
        for name in sorted(names):
            return f"[@{name}{call}]" if typing.get_origin(hint) is Sequence else f"@{name}{call}"
    return ""


def is_base(cls: type) -> bool:
    """Whether a class is there only to be derived from: it is abstract, or names `abc.ABC` as a base of its own."""
    return inspect.isabstract(cls) or abc.ABC in cls.__bases__


def _makers(kind: Any) -> Iterator[str]:
    """The names of the classes of a family that can be made, as far as they are imported."""
    for part in typing.get_args(kind) or (kind,):
        if inspect.isclass(part) and not part.__module__.startswith("keras."):
            # gin makes subclasses of the same name.
            below = [name for each in part.__subclasses__() for name in _makers(each) if name != part.__name__]
            yield from below
            hidden = is_base(part) or getattr(part, "_is_protocol", False) or part.__name__.startswith("_")
            if not below and not hidden:
                yield part.__name__
