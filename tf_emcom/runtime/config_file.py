"""Reads gin files and command-line bindings into one list of bindings, without applying them."""

import dataclasses
import difflib
import os
import pathlib
import re
import tokenize
from collections.abc import Iterator
from typing import Any, NamedTuple

import gin
import tensorflow as tf
from gin import config_parser

from tf_emcom.errors import UserError
from tf_emcom.runtime import catalogue

# A checkout has `gin/` beside the package; an installation may have it inside.
GIN_HOMES = tuple(map(str, reversed(pathlib.Path(__file__).resolve().parents[1:3])))

_BARE_WORD = re.compile(r"[A-Za-z_./~][\w./:~+-]*")
_UNREADABLE = (SyntaxError, tokenize.TokenError)


class Binding(NamedTuple):
    """One binding of a gin file or of the command line."""

    scope: str  # "" without one
    selector: str  # of a component; the last part of a macro's name where there is no parameter
    parameter: str  # "" for a macro
    value: Any
    place: str  # where it stands, for messages

    @property
    def name(self) -> str:
        """What stands to the left of the equals sign."""
        scoped = f"{self.scope}/{self.selector}" if self.scope else self.selector
        return f"{scoped}.{self.parameter}" if self.parameter else scoped

    @property
    def key(self) -> tuple[str, str, str]:
        """Scope, full selector and parameter, as gin keeps them."""
        if not self.parameter:
            return self.name, "gin.macro", "value"
        return self.scope, catalogue.selectors(self.selector)[0], self.parameter

    def macros(self) -> list[str]:
        """Names of the macros in the value."""
        return ["/".join(leaf.scopes) for leaf in self._references() if leaf.selector == "gin.macro"]

    def built_in(self) -> list[str]:
        """Scope of every component in the value; "" where it is built in the scope of what holds it."""
        return ["/".join(leaf.scopes) for leaf in self._references() if leaf.configurable.module != "gin"]

    def unresolved(self) -> list[str]:
        """Selectors in the value that mean no component, or more than one."""
        return [leaf.selector for leaf in _leaves(self.value) if isinstance(leaf, _Unresolved)]

    def _references(self) -> list[gin.config.ConfigurableReference]:
        return [leaf for leaf in _leaves(self.value) if isinstance(leaf, gin.config.ConfigurableReference)]


@dataclasses.dataclass(frozen=True)
class _Unresolved:
    """A reference to no component, or to more than one."""

    selector: str


class _Delegate(gin.config.ParserDelegate):
    """Makes gin's references, and leaves doubtful ones to the checks, which know where they stand."""

    def configurable_reference(self, scoped_selector: str, evaluate: bool) -> object:
        selector = scoped_selector.rpartition("/")[2]
        if len(catalogue.matches(selector)) != 1:
            return _Unresolved(selector)
        return super().configurable_reference(scoped_selector, evaluate)


def read_file(file: str, including: tuple[str, ...] = ()) -> Iterator[Binding]:
    """Yields the bindings of a file and of those it includes, in the order in which they take effect.

    Args:
        file: Looked for in the working directory, beside the including file, beside `gin/` and in `gin/`.
        including: Paths of the files whose includes led here, the outermost first.

    Raises:
        UserError: If a file is missing, is not gin, imports what cannot be imported, or includes itself.
    """
    path = _find(file, including)
    if path in including:
        raise UserError(f"The gin file {path} includes itself.")
    try:
        text = tf.io.gfile.GFile(path).read()
    except UnicodeDecodeError as error:
        raise UserError(f"The gin file {path} is no text in UTF-8; name another one.") from error
    for statement in _statements(text, path):
        place = f"{path}, line {statement.location.line_num}"
        if isinstance(statement, config_parser.IncludeStatement):
            yield from read_file(statement.filename, (*including, path))
        elif isinstance(statement, config_parser.ImportStatement):
            _import(statement, place)
        elif isinstance(statement, config_parser.BindingStatement):
            yield Binding(statement.scope, statement.selector, statement.arg_name, statement.value, place)


def read_parameter(text: str) -> Binding:
    """Reads one command-line binding `name=value`.

    Raises:
        UserError: If it is anything else.
    """
    text = text.strip()
    place = f"--gin_param {' '.join(text.split())}"
    try:
        statements = list(config_parser.ConfigParser(text, _Delegate()))
    except _UNREADABLE as error:
        raise UserError(f"{place}: {_mend(text)}.") from error
    if len(statements) != 1 or not isinstance(statements[0], config_parser.BindingStatement):
        raise UserError(f"{place}: {_mend(text)}.")
    scope, selector, parameter, value, _ = statements[0]
    return Binding(scope, selector, parameter, value, place)


def _statements(text: str, path: str) -> Iterator[Any]:
    """Yields a file's statements one by one, so that an import brings its components before the next is read."""
    try:
        yield from config_parser.ConfigParser(text, _Delegate())
    except _UNREADABLE as error:
        raise UserError(f"The gin file {path} has a syntax error{_where(error, text)}.") from error


def _leaves(value: Any) -> Iterator[Any]:
    """Yields the references and plain values in a value."""
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list | tuple):
        for part in value:
            yield from _leaves(part)
    else:
        yield value


def _find(file: str, including: tuple[str, ...]) -> str:
    beside = [os.path.dirname(path) for path in including[-1:]]
    shelves = [os.path.join(home, "gin") for home in GIN_HOMES]
    for path in (os.path.join(folder, file) for folder in ("", *beside, *GIN_HOMES, *shelves)):
        if tf.io.gfile.exists(path) and not tf.io.gfile.isdir(path):
            return path
    known = {found.name: str(found.relative_to(home)) for home in GIN_HOMES for found in _gin_files(home, "gin/**/")}
    known |= {found.name: str(found) for found in _gin_files(os.path.dirname(file))}
    near = [known[name] for name in difflib.get_close_matches(os.path.basename(file), known)]
    asked = f", which {including[-1]} includes" if including else ""
    mend = f"did you mean {' or '.join(near)}?" if near else f"it was looked for here and in {shelves[0]}."
    raise UserError(f"There is no gin file {file}{asked}: {mend}")


def _gin_files(folder: str, within: str = "") -> list[pathlib.Path]:
    return sorted(pathlib.Path(folder).glob(f"{within}*.gin"))


def _import(statement: config_parser.ImportStatement, place: str) -> None:
    try:
        gin.parse_config(statement.format())  # so that gin writes the import into the operative configuration
    except ImportError as error:
        raise UserError(f"{place}: `{statement.format()}` does not work, there is no such module.") from error


def _where(error: Exception, text: str) -> str:
    line = error.lineno if isinstance(error, SyntaxError) else error.args[1][0]
    lines = text.splitlines()
    if not line or line > len(lines):
        return ", something is not closed at its end"
    return f" in line {line}, `{lines[line - 1].strip()}`: {_mend(lines[line - 1])}"


def _mend(text: str) -> str:
    name, equals, value = (part.strip() for part in text.partition("="))
    if equals and _BARE_WORD.fullmatch(value):
        return f"{value} is no value, and a string needs quotes, as in '{name}=\"{value}\"'"
    return "a binding is written name=value, with strings in quotes"
