"""What a run's configuration was: its text, what of the command line it left unused, and how two texts differ."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import gin
from gin import config_parser

from tf_emcom.errors import UserError
from tf_emcom.runtime.config_file import UNREADABLE, Binding, parameter_now

_Bound = Mapping[tuple[str, str], Mapping[str, Any]]  # (scope, selector) -> parameter -> value, as gin keeps it
_LINE = 118


def operative_config() -> str:
    """Returns the text of what was used so far, defaults included; loading it and building the same gives it again.

    Raises:
        UserError: If a value in it cannot be written in gin.
    """
    return _text(gin.config._OPERATIVE_CONFIG)


def complete_config() -> str:
    """Returns all that is bound, as it was bound, together with the defaults that were used.

    Another mode, which builds other components, can start from this text without falling back to their defaults; and a
    binding that comes after it, as on the command line, takes the same effect as after the original files. For that a
    value stands under the scope that it was bound in, not under the one that it was used in.

    Raises:
        UserError: If a value in it cannot be written in gin.
    """
    complete = {key: dict(values) for key, values in gin.config._CONFIG.items()}
    for (scope, selector), values in gin.config._OPERATIVE_CONFIG.items():
        for parameter, value in values.items():
            if _supplier(scope, selector, parameter) is None:
                complete.setdefault(("", selector), {})[parameter] = value
    return _text(complete)


def unused(given: Sequence[Binding]) -> list[Binding]:
    """Returns those of the bindings that nothing built so far has used."""
    used = used_keys()
    return [binding for binding in given if binding.key not in used]


def used_keys() -> set[tuple[str | None, str, str]]:
    """Returns scope, selector and parameter of every binding that something built so far has used."""
    used = set()
    for (scope, selector), values in gin.config._OPERATIVE_CONFIG.items():
        used |= {(_supplier(scope, selector, parameter), selector, parameter) for parameter in values}
    return used


def differences(
    stored: str, current: str, ignore: Collection[str] = ("mode",), *, only_common: bool = False
) -> list[str]:
    """Compares two configuration texts binding by binding; neither needs to be loaded.

    Args:
        stored: The text of a run's folder, called "there".
        current: The text of this run, called "here".
        ignore: Names of bindings that may differ.
        only_common: Whether to pass over what only one of them binds; a mode that builds fewer components needs this.

    Returns:
        Sentences such as "batch_size = 16 there, 64 here", macros first. Where a value is `%macro` in both, only the
        macro's own difference is told.

    Raises:
        UserError: If a text is no gin.
    """
    there, here = values(stored, "stored"), values(current, "current")
    names = there.keys() & here.keys() if only_common else there.keys() | here.keys()
    found = []
    for name in sorted(names - set(ignore), key=lambda name: ("." in name, name)):
        if there.get(name) != here.get(name):
            sides = [f"{side.get(name, 'not bound')} {place}" for side, place in ((there, "there"), (here, "here"))]
            found.append(f"{name} = {', '.join(sides)}")
    return found


class _AsWritten(config_parser.ParserDelegate):
    """Keeps references as text, so that reading needs no components."""

    def configurable_reference(self, name: str, evaluate: bool) -> object:
        return _Written(f"@{name}()" if evaluate else f"@{name}")

    def macro(self, name: str) -> object:
        return _Written(f"%{name}")


class _Written(str):
    """A reference, shown without quotes."""

    def __repr__(self) -> str:
        return str(self)


def values(text: str, which: str) -> dict[str, str]:
    """Returns each binding's value in one spelling, whatever its line breaks; UserError if it is not gin."""
    try:
        statements = list(config_parser.ConfigParser(text, _AsWritten()))
    except UNREADABLE as error:
        raise UserError(f"The {which} configuration is not gin: {' '.join(str(error).split()):.300}.") from error
    values = {}
    for statement in statements:
        if isinstance(statement, config_parser.BindingStatement):
            parts = (statement.scope, statement.selector)
            parameter = parameter_now(statement.selector, statement.arg_name)
            name = "/".join(filter(None, parts)) + (f".{parameter}" if parameter else "")
            values[name] = repr(statement.value)
    return values


def _supplier(scope: str, selector: str, parameter: str) -> str | None:
    """Returns the scope whose binding gave a component in `scope` its value, the innermost that binds it."""
    parts = scope.split("/") if scope else []
    for depth in range(len(parts), -1, -1):
        outer = "/".join(parts[:depth])
        if parameter in gin.config._CONFIG.get((outer, selector), {}):
            return outer
    return None


def _text(bound: _Bound) -> str:
    for (scope, selector), values in bound.items():
        for parameter, value in values.items():
            if not _is_writable(value):
                name = scope if selector == "gin.macro" else f"{scope + '/' if scope else ''}{selector}.{parameter}"
                raise UserError(
                    f"{name} = {value!r} cannot be written to a gin file: bind a number, string, tuple or reference."
                )
    return gin.config._config_str(bound, max_line_length=_LINE)


def _is_writable(value: Any) -> bool:
    try:
        return bool(gin.config.parse_value(repr(value)) == value)
    except (ValueError, *UNREADABLE):  # ValueError: arrays have no one truth value
        return False
