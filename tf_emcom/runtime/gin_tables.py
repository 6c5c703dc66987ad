"""gin's tables of components and bindings, its references and its parser: everything here that is not public in gin.

No other module uses such names, and setup.py pins the version of gin-config for them.
"""

import contextlib
import tokenize
from collections.abc import Iterator, Mapping
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


def bound() -> Table:
    """All bindings."""
    return gin.config._CONFIG


def used() -> Table:
    """Every value, bound or default, that components were built with; under the scope they were built in."""
    return gin.config._OPERATIVE_CONFIG


def bindings() -> dict[Key, Any]:
    """All bindings by their keys; that of a macro is (its name, "gin.macro", "value")."""
    return {(*place, parameter): value for place, values in bound().items() for parameter, value in values.items()}


def written(scope: str, selector: str, parameter: str) -> str:
    """The left side of a binding, with the last part of the component's name."""
    name = selector.rpartition(".")[2]
    return scope if selector == _MACRO else f"{scope + '/' if scope else ''}{name}.{parameter}"


def value_of(key: Key) -> tuple[Key, Any]:
    """The value bound to a key, or to the macro that is bound to it, and the key of that binding."""
    value = bound()[key[:2]][key[2]]
    while isinstance(value, Reference) and value.selector == _MACRO:
        key = "/".join(value.scopes), _MACRO, "value"
        value = bound().get(key[:2], {}).get("value")
    return key, value


def outermost(scope: str) -> list[str]:
    """A scope with all scopes around it, the outermost, "", first."""
    parts = scope.split("/") if scope else []
    return ["/".join(parts[:depth]) for depth in range(len(parts) + 1)]


def supplier(scope: str, selector: str, parameter: str) -> str | None:
    """The scope of the binding that gives a component in `scope` its value: the innermost; None: there is none."""
    found = [outer for outer in outermost(scope) if parameter in bound().get((outer, selector), {})]
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


def references(value: Any) -> list[Reference]:
    """The references in a value, to components and macros."""
    return [leaf for leaf in leaves(value) if isinstance(leaf, Reference)]


def components_in(value: Any) -> list[Reference]:
    """The references to components in a value."""
    return [leaf for leaf in references(value) if leaf.configurable.module != "gin"]


def macros_in(value: Any) -> list[str]:
    """The names of the macros in a value."""
    return ["/".join(leaf.scopes) for leaf in references(value) if leaf.selector == _MACRO]


def statements(text: str, delegate: config_parser.ParserDelegate) -> Iterator[Any]:
    """Parses a gin file statement by statement; the delegate makes references. Raises one of `UNREADABLE`."""
    return config_parser.ConfigParser(text, delegate)


def parse(value: str) -> Any:
    """The value that a text is in gin; raises one of `UNREADABLE`."""
    return gin.config.parse_value(value)


def text(table: Table, longest_line: int) -> str:
    """The gin file of a table, with the imports."""
    return gin.config._config_str(table, max_line_length=longest_line)


def original(error: BaseException) -> BaseException:
    """The error that a component raised, without what gin added to it."""
    # gin raises a proxy, and around it another one for every component further out; each reads the error inside it.
    while "augment_exception_message" in getattr(type(error).__str__, "__qualname__", ""):
        error = error.__getattr__("__str__").__self__
    return error


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Within it, gin's configuration may be replaced; after it, bindings, used values and imports are as before."""
    tables = (gin.config._CONFIG, gin.config._OPERATIVE_CONFIG, gin.config._SINGLETONS, gin.config._IMPORTS)
    before = [table.copy() for table in tables]
    try:
        yield
    finally:
        gin.clear_config()
        for table, values in zip(tables, before, strict=True):
            table.update(values)


# So that errors speak of `@Component` where bindings are in use, and of `Component` in plain Python.
errors.gin_has_bindings = lambda: bool(gin.config._CONFIG)
