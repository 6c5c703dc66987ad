"""Reads gin files and command-line bindings into one list of bindings, without applying them."""

import difflib
import os
import pathlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import gin
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.files import file_errors, read_text
from tf_emcom.runtime import catalogue, early_checks, gin_tables
from tf_emcom.runtime.gin_tables import UNREADABLE, BindingStatement, ImportStatement, IncludeStatement, leaves

_BARE_WORD = re.compile(r"[A-Za-z_./~][\w./:~+-]*")
# Parameters of earlier versions, which are in the configurations of older runs.
_FORMER = {("Speaker", "articulation"): "sampler"}


def parameter_now(selector: str, parameter: str) -> str:
    """The current name of a component's parameter."""
    return _FORMER.get((selector.rpartition(".")[2], parameter), parameter)


class Binding(NamedTuple):
    """One binding of a gin file or of the command line."""

    scope: str  # "" without one
    selector: str  # of a component; the last part of a macro's name where there is no parameter
    parameter: str  # "" for a macro
    value: Any
    place: str  # file and line, or the flag, for messages

    @property
    def name(self) -> str:
        """The text on the left of the equals sign."""
        scoped = f"{self.scope}/{self.selector}" if self.scope else self.selector
        return f"{scoped}.{self.parameter}" if self.parameter else scoped

    @property
    def key(self) -> tuple[str, str, str]:
        """Scope, full selector and parameter, as gin keeps them."""
        if not self.parameter:
            return self.name, "gin.macro", "value"
        return self.scope, gin_tables.matching(self.selector)[0].selector, self.parameter

    def built_in(self) -> list[str]:
        """Scope of every component in the value; "" where it is built in the scope of the component that holds it."""
        return ["/".join(leaf.scopes) for leaf in gin_tables.components_in(self.value)]

    def unresolved(self) -> list[str]:
        """Selectors in the value that mean no component, or more than one."""
        return [leaf for leaf in leaves(self.value) if isinstance(leaf, _Unresolved)]


class _Unresolved(str):
    """The selector of a reference to no component, or to more than one."""


class _Delegate(gin_tables.Delegate):
    """Makes gin's references, and leaves unknown ones to the checks, which know file and line."""

    def configurable_reference(self, scoped_selector: str, evaluate: bool) -> object:
        selector = scoped_selector.rpartition("/")[2]
        if len(gin_tables.matching(selector)) != 1:
            return _Unresolved(selector)
        return super().configurable_reference(scoped_selector, evaluate)


def read_file(
    file: str, including: tuple[str, ...] = (), check: Callable[[Any, str], None] | None = None
) -> Iterator[Binding]:
    """Yields the bindings of a file and of the files it includes, in the order in which they take effect.

    The file is searched in the working directory, beside the last of the `including` files, beside `gin/` and in
    `gin/`. `check` is called with each import and include, and its place, before it is done. UserError if a file is
    missing, is not gin, imports what cannot be imported, or includes itself.
    """
    path = _find(file, including)
    if path in including:
        raise UserError(f"The gin file {path} includes itself.")
    text = read_text(path, "name a gin file")
    try:
        # One by one, so that an import brings its components before the next statement is read.
        for statement in gin_tables.statements(text, _Delegate()):
            place = f"{path}, line {statement.location.line_num}"
            if check and isinstance(statement, IncludeStatement | ImportStatement):
                check(statement, place)
            if isinstance(statement, IncludeStatement):
                yield from read_file(statement.filename, (*including, path), check)
            elif isinstance(statement, ImportStatement):
                # Not for a file that comes with a run: anybody may have put modules beside that.
                folders = [os.getcwd(), *([] if check else [os.path.dirname(path)])]
                catalogue.import_module(statement.module, f"{place}: `{statement.format()}`", *folders)
                gin.parse_config(statement.format())  # so that gin writes the import into the operative configuration
            elif isinstance(statement, BindingStatement):
                yield _binding(statement, place)
    except UNREADABLE as error:
        raise UserError(f"The gin file {path} has a syntax error{_where(error, text)}.") from error


def read_parameter(text: str, bound: Mapping[str, Any] | None = None) -> Binding:
    """Reads one command-line binding `name=value`; UserError for anything else.

    `bound` holds the values in files by name, for advice about the name of a component.
    """
    text = text.strip()
    place = f"--gin_param {' '.join(text.split()):.200}"
    try:
        statements = list(gin_tables.statements(text, _Delegate()))
    except UNREADABLE as error:
        raise UserError(f"{place}: {_fix(text, error, bound)}.") from error
    if len(statements) != 1 or not isinstance(statements[0], BindingStatement):
        raise UserError(f"{place}: {_fix(text)}.")
    return _binding(statements[0], place)


def _binding(statement: BindingStatement, place: str) -> Binding:
    scope, selector, parameter, value, _ = statement
    return Binding(scope, selector, parameter_now(selector, parameter), value, place)


def _find(file: str, including: tuple[str, ...]) -> str:
    with file_errors(f"The gin file {file}", "cannot be looked for", "name a local file or one on cloud storage"):
        for path in early_checks.places(file, including):
            if tf.io.gfile.exists(path) and not tf.io.gfile.isdir(path):
                return path
        is_folder = tf.io.gfile.isdir(file)
    asked = f", which {including[-1]} includes" if including else ""
    if is_folder:
        raise UserError(f"{file}{asked} is a folder and no gin file; name a file, such as {file.rstrip('/')}/….gin.")
    if os.path.islink(file):
        raise UserError(f"{file}{asked} is a link to {os.readlink(file)}, which is not there; name another file.")
    homes = early_checks.GIN_HOMES
    installed = [(home, found) for home in homes for found in sorted(pathlib.Path(home).glob("gin/**/*.gin"))]
    known = {found.name: str(found.relative_to(home)) for home, found in installed}
    known |= {found.name: str(found) for found in sorted(pathlib.Path(os.path.dirname(file)).glob("*.gin"))}
    near = [known[name] for name in difflib.get_close_matches(os.path.basename(file), known)]
    hint = f"did you mean {' or '.join(near)}?" if near else f"it was looked for here and in {homes[0]}/gin."
    raise UserError(f"There is no gin file {file}{asked}: {hint}")


def _where(error: BaseException, text: str) -> str:
    if isinstance(error, RecursionError | MemoryError):
        return ", it is nested too deep"
    line = error.lineno if isinstance(error, SyntaxError) else error.args[1][0]
    lines = text.splitlines()
    if not line or line > len(lines):
        return ", something is not closed at its end"
    return f" in line {line}, `{lines[line - 1].strip():.200}`: {_fix(lines[line - 1], error)}"


def _fix(text: str, error: BaseException | None = None, bound: Mapping[str, Any] | None = None) -> str:
    """Advice how to write a binding that cannot be read."""
    if isinstance(error, RecursionError | MemoryError):
        return "the value is nested too deep; bind a flatter one"
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not _BARE_WORD.fullmatch(value):
        return "a binding is written name=value, with strings in quotes"
    if value.capitalize() in ("True", "False", "None"):
        return f"{value} is no value; write {name}={value.capitalize()}"
    if gin_tables.matching(value.rpartition("/")[2]):
        return f"{value} is a component, which is written with an @, as in '{name}={_named(name, value, bound)}'"
    return f"{value} is no value, and a string needs quotes, as in '{name}=\"{value}\"'"


def _named(name: str, component: str, bound: Mapping[str, Any] | None) -> str:
    """A component as a value, with the scope and the parentheses of the value that is bound there now."""
    now = (bound or {}).get(name)
    if not isinstance(now, gin_tables.Reference):
        return f"@{component}{'' if name.endswith('_cls') else '()'}"
    scope = "" if "/" in component else "".join(f"{scope}/" for scope in now.scopes)
    return f"@{scope}{component}{'()' if now.evaluate else ''}"
