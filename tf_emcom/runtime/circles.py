"""Values that stand for themselves, which could never be built."""

from collections.abc import Iterator, Sequence

import gin

from tf_emcom.errors import UserError
from tf_emcom.runtime.config_file import Binding, leaves

_Key = tuple[str, str, str]  # scope, full selector and parameter, as gin keeps them


def refuse_circles(bindings: Sequence[Binding]) -> None:
    """Raises a `UserError` where building a value would build it again: `a = %b` and `b = %a`.

    Args:
        bindings: All of them, in the order in which they take effect; their components are known.
    """
    last: dict[_Key, Binding] = {}
    for binding in bindings:
        last.pop(binding.key, None)
        last[binding.key] = binding
    ends: set[tuple[_Key, str]] = set()
    for binding in last.values():
        try:
            _follow(binding, binding.key[0], last, [], ends)
        except RecursionError as error:
            raise UserError(f"{binding.place}: {binding.name} is built of too many; bind it directly.") from error


def _follow(
    binding: Binding, scope: str, last: dict[_Key, Binding], path: list[tuple[_Key, str]], ends: set[tuple[_Key, str]]
) -> None:
    """Visits what a binding's value builds in a scope; `path` leads there, `ends` has no circle behind it."""
    place = binding.key, scope
    if place in path:
        circle = [last[key] for key, _ in path[path.index(place) :]]
        names = " → ".join(each.name for each in (*circle, binding))
        # The command line comes last, and files were read before.
        newest = max(circle, key=list(last.values()).index)
        raise UserError(f"{newest.place}: {names} goes in a circle; bind one of them to something else.")
    if place in ends:
        return
    for inner, within in _built(binding, scope, last):
        _follow(inner, within, last, [*path, place], ends)
    ends.add(place)


def _built(binding: Binding, scope: str, last: dict[_Key, Binding]) -> Iterator[tuple[Binding, str]]:
    """The bindings that take part in building a value in a scope, each with the scope that it is built in."""
    for leaf in leaves(binding.value):
        if not isinstance(leaf, gin.config.ConfigurableReference) or not leaf.evaluate:
            continue
        within = "/".join(leaf.scopes) or scope
        parts = within.split("/") if within else []
        taken: dict[str, Binding] = {}
        for depth in range(len(parts) + 1):
            outer = "/".join(parts[:depth])
            taken |= {key[2]: each for key, each in last.items() if key[:2] == (outer, leaf.configurable.selector)}
        for inner in taken.values():
            yield inner, within
