"""gin's tables of components and bindings, its references and its parser: everything here that is not public in gin.

No other module uses such names, and pyproject.toml pins the version of gin-config for them.
"""

import contextlib
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import gin
from gin import config_parser

from tf_emcom import errors

Reference = gin.config.ConfigurableReference
Delegate = gin.config.ParserDelegate
BindingStatement = config_parser.BindingStatement
ImportStatement = config_parser.ImportStatement
IncludeStatement = config_parser.IncludeStatement

Key = tuple[str, str, str]  # scope, full selector, parameter
Table = Mapping[tuple[str, str], Mapping[str, Any]]  # (scope, full selector) ↦ parameter ↦ value

# All bindings.
BOUND: Table = gin.config._CONFIG
# Every value, bound or default, that components were built with; under the scope they were built in.
USED: Table = gin.config._OPERATIVE_CONFIG

# The statements of a text, one by one; the second argument, a delegate, makes references.
statements = config_parser.ConfigParser
# Errors of the parser.
UNREADABLE = (SyntaxError, tokenize.TokenError, RecursionError, MemoryError)
_MACRO = "gin.macro"


def components() -> list[Any]:
    """Everything that is registered, with its `name`, `module`, `selector`, and `wrapped`, which gin calls."""
    return [entry for _, entry in gin.config._REGISTRY.items() if entry.module != "gin"]


def matching(selector: str) -> list[Any]:
    """The components that a selector of a gin file, such as `Erasure` or `channels.Erasure`, can mean."""
    # Nothing here defines gin's constants.
    return [each for each in gin.config._REGISTRY.get_all_matches(selector) if each.selector != "gin.constant"]


def bindings() -> dict[Key, Any]:
    """All bindings by their keys; that of a macro is (its name, "gin.macro", "value")."""
    return {(*place, parameter): value for place, values in BOUND.items() for parameter, value in values.items()}


def written(scope: str, selector: str, parameter: str) -> str:
    """The left side of a binding, with the last part of the component's name."""
    name = selector.rpartition(".")[2]
    return scope if selector == _MACRO else f"{scope + '/' if scope else ''}{name}.{parameter}"


def value_of(key: Key) -> tuple[Key, Any]:
    """The value bound to a key, or to the macro that is bound to it, and the key of that binding."""
    value = BOUND[key[:2]][key[2]]
    while isinstance(value, Reference) and value.selector == _MACRO:
        key = "/".join(value.scopes), _MACRO, "value"
        value = BOUND.get(key[:2], {}).get("value")
    return key, value


def outermost(scope: str) -> list[str]:
    """A scope with all scopes around it, the outermost, "", first."""
    parts = scope.split("/") if scope else []
    return ["/".join(parts[:depth]) for depth in range(len(parts) + 1)]


def supplier(scope: str, selector: str, parameter: str) -> str | None:
    """The scope of the binding that gives a component in `scope` its value: the innermost; None: there is none."""
    found = [outer for outer in outermost(scope) if parameter in BOUND.get((outer, selector), {})]
    return found[-1] if found else None


def leaves(value: Any) -> Iterator[Any]:
    """Yields the references and plain values in a value, with keys of dictionaries."""
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list | tuple):
        for part in value:
            yield from leaves(part)
    else:
        yield value


def references(value: Any) -> list[Any]:
    """The references in a value, to components and macros."""
    return [leaf for leaf in leaves(value) if isinstance(leaf, Reference)]


def components_in(value: Any) -> list[Any]:
    """The references to components in a value."""
    return [leaf for leaf in references(value) if leaf.configurable.module != "gin"]


def macros_in(value: Any) -> list[str]:
    """The names of the macros in a value."""
    return ["/".join(leaf.scopes) for leaf in references(value) if leaf.selector == _MACRO]


def text(table: Table) -> str:
    """The gin file of a table, with the imports; UserError if a value in it cannot be written in gin."""
    for (scope, selector), bound in table.items():
        for parameter, value in bound.items():
            if not _is_writable(value):
                raise errors.UserError(
                    f"{written(scope, selector, parameter)} = {value!r} cannot be written to a gin file: bind a number,"
                    " string, tuple or reference."
                )
    return gin.config._config_str(table, max_line_length=118)


def _is_writable(value: Any) -> bool:
    try:
        return bool(gin.config.parse_value(repr(value)) == value)
    except (ValueError, *UNREADABLE):  # ValueError: arrays have no single truth value
        return False


def original(error: BaseException) -> BaseException:
    """The error that a component raised, without what gin added to it."""
    # gin raises a proxy, and around it another one for every component further out; each reads the error inside it.
    inner: Any = error
    while "augment_exception_message" in getattr(type(inner).__str__, "__qualname__", ""):
        inner = inner.__getattr__("__str__").__self__
    return inner


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Within it, gin's configuration may be replaced; after it, bindings, used values and imports are as before."""
    tables: Sequence[Any] = (BOUND, USED, gin.config._SINGLETONS, gin.config._IMPORTS)
    before = [table.copy() for table in tables]
    try:
        yield
    finally:
        gin.clear_config()
        for table, values in zip(tables, before, strict=True):
            table.update(values)


# So that errors speak of `@Component` where bindings are in use, and of `Component` in plain Python.
errors.gin_has_bindings = lambda: bool(BOUND)
