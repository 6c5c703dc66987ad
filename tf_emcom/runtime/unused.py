"""Command-line bindings that nothing uses, which would leave a user with another run than the one asked for."""

import sys
from collections.abc import Collection, Sequence

import gin

from tf_emcom.errors import UserError
from tf_emcom.runtime import config_diff
from tf_emcom.runtime.config_file import Binding, leaves


def refuse_unused(given: Sequence[Binding], elsewhere: Collection[str], allow: bool = False) -> None:
    """Raises a `UserError` where nothing built so far has used a binding of the command line.

    Args:
        given: The bindings.
        elsewhere: Macros and components that others use: what is bound to them, and to all that they are bound to, is
            no mistake.
        allow: Whether to print a note in place of raising.
    """
    others = _reachable(elsewhere)
    lost = [binding for binding in config_diff.unused(given) if binding.selector.rpartition(".")[2] not in others]
    if allow:
        for binding in lost:
            print(f"Note: {binding.name} = {binding.value!r} was given, but nothing used it.", file=sys.stderr)
    elif lost:
        more = f" ({len(lost) - 1} more are not used either)" if len(lost) > 1 else ""
        raise UserError(
            f"{lost[0].place}: nothing here uses {lost[0].name}{more}; {_hint(lost[0])}to go on without it, add"
            " --allow_unused."
        )


def _hint(binding: Binding) -> str:
    """What the user may have meant, with a semicolon behind it; empty where there is nothing near."""
    used = config_diff.used_keys()
    _, selector, parameter = binding.key
    if not binding.parameter:
        holders = sorted({_written(*key) for key in _keys() if binding.name in _macros(key)})
        return f"it is the value of {', '.join(holders[:3])}, which nothing here uses; " if holders else ""
    scoped = sorted(_written(*key) for key in used if key[0] and key[1:] == (selector, parameter))
    if scoped and selector != "gin.macro":
        return f"did you mean {' or '.join(scoped)}? "
    built = {key[1] for key in used}
    component = selector.rpartition(".")[2]
    if selector not in built:
        return f"no {component} is built here: bind it where it is to be used, as in `… = @{component}`; "
    return ""


def _reachable(names: Collection[str]) -> set[str]:
    """The macros and components of these names, and all that their bindings refer to."""
    found, waiting = set(), list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for key in _keys():
            if name in (key[1].rpartition(".")[2], key[0] if key[1] == "gin.macro" else ""):
                waiting += _macros(key) + _components(key)
    return found - {"macro"}


def _keys() -> list[tuple[str, str, str]]:
    return [(*key, parameter) for key, values in gin.config._CONFIG.items() for parameter in values]


def _references(key: tuple[str, str, str]) -> list[gin.config.ConfigurableReference]:
    bound = gin.config._CONFIG[key[:2]][key[2]]
    return [leaf for leaf in leaves(bound) if isinstance(leaf, gin.config.ConfigurableReference)]


def _macros(key: tuple[str, str, str]) -> list[str]:
    return ["/".join(leaf.scopes) for leaf in _references(key) if leaf.selector == "gin.macro"]


def _components(key: tuple[str, str, str]) -> list[str]:
    return [leaf.configurable.name for leaf in _references(key) if leaf.configurable.module != "gin"]


def _written(scope: str, selector: str, parameter: str) -> str:
    if selector == "gin.macro":
        return scope
    name = selector.rpartition(".")[2]
    return f"{scope}/{name}.{parameter}" if scope else f"{name}.{parameter}"
