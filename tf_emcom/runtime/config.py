"""Reads a run's gin files and command-line bindings, and tells a mistake in one sentence."""

import contextlib
import os
import pathlib
import re
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import gin
import tensorflow as tf
from gin import config_parser

from tf_emcom.errors import UserError
from tf_emcom.runtime import catalogue

# A checkout has `gin/` beside the package; an installed package has it beside or inside.
GIN_HOMES = tuple(str(folder) for folder in pathlib.Path(__file__).resolve().parents[1:3][::-1])

_NOT_GIVEN = object()
_BLAME = re.compile(r"In call to configurable '([\w.]+)' \(.*?\)(?: in scope '([^']+)')?(?:\n|$)")
_MISSING = re.compile(r"missing \d+ required (?:positional|keyword-only) arguments?: (.*)")


class Binding(NamedTuple):
    """One line of a gin file or of the command line."""

    scope: str  # "" without one
    selector: str  # of a component; a macro's name where there is no parameter
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
        return self.scope, catalogue.complete_selector(self.selector), self.parameter


class _Unresolved(NamedTuple):
    """A reference to no component, or to more than one."""

    selector: str


class _Delegate(gin.config.ParserDelegate):
    """Makes gin's references, and leaves doubtful ones to the checks, which know the place."""

    def configurable_reference(self, scoped_selector: str, evaluate: bool) -> object:
        selector = scoped_selector.rpartition("/")[2]
        if len(catalogue.matches(selector)) != 1:
            return _Unresolved(selector)
        return super().configurable_reference(scoped_selector, evaluate)


def load(gin_files: Sequence[str], gin_params: Sequence[str]) -> tuple[Binding, ...]:
    """Replaces gin's configuration by that of the files, then of the command-line bindings.

    Args:
        gin_files: Files in the order read, each relative to the working directory, to the folder that holds `gin/`, or to
            `gin/`; so are the files they include, which may also be relative to the including file.
        gin_params: Single bindings `name=value`; each may change what a file binds, or any parameter of any component.

    Returns:
        The command-line bindings, for `unused`.

    Raises:
        UserError: If a file is missing or unreadable, or a name or value in it or in a binding is not known.
    """
    gin.clear_config()
    in_files = [binding for file in gin_files for binding in _read_file(file, including=())]
    given = tuple(_read_parameter(text) for text in gin_params)
    for binding in (*in_files, *given):
        _check(binding)
    _check_given(given, in_files)
    _check_macros((*in_files, *given))
    for binding in (*in_files, *given):
        gin.bind_parameter(binding.key, binding.value)
    return given


def macro(name: str, default: Any = _NOT_GIVEN) -> Any:  # noqa: ANN401 a macro holds any value
    """Returns a macro's value; references in it are built anew at every call.

    Args:
        name: The macro's name, such as `mode` or `game`.
        default: What to return where nothing binds the macro.

    Raises:
        UserError: If nothing binds the macro and there is no default, or if building its value meets a user's mistake.
    """
    try:
        gin.query_parameter(f"{name}/gin.macro.value")
    except ValueError:
        if default is not _NOT_GIVEN:
            return default
        raise UserError(f"This needs a value for {name}: bind it in a gin file or with --gin_param={name}=…") from None
    with plain_errors():
        return gin.get_configurable(f"{name}/gin.macro")()


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Frees a `UserError` raised while gin builds components from the text that gin appends to it.

    Raises:
        UserError: Where one was raised inside, with its own sentence only; also where a component misses a value.
    """
    try:
        yield
    except Exception as error:
        original = _original(error)
        if isinstance(original, UserError):
            raise original from None
        if isinstance(original, TypeError):
            _explain_missing(original, blamed=str(error))
        raise


def original_message(error: BaseException) -> str:
    """Returns an error's own message, without what gin appended on its way through nested components."""
    return str(_original(error))


def _original(error: BaseException) -> BaseException:
    # gin raises a proxy, and a proxy of that for the component around: its `__getattr__` reads the error inside.
    while "augment_exception_message" in getattr(type(error).__str__, "__qualname__", ""):
        error = error.__getattr__("__str__").__self__
    return error


def _explain_missing(error: TypeError, blamed: str) -> None:
    """Raises a `UserError` if the error says that gin built a component without a value that its constructor needs."""
    missing, component = _MISSING.search(str(error)), _BLAME.search(blamed)
    if not missing or not component:
        return
    name, scope = component.groups()
    names = re.findall(r"'(\w+)'", missing[1])
    known = [catalogue.parameters(match)[0] for match in catalogue.matches(name)]
    # A constructor that calls something else wrongly is a fault of the library and stays a TypeError.
    if len(known) == 1 and all(each in known[0] and known[0][each].default is known[0][each].empty for each in names):
        keys = " and ".join(f"{scope + '/' if scope else ''}{name}.{each}" for each in names)
        raise UserError(f"{name} needs a value for {' and '.join(names)}: bind {keys} in gin.") from error


def _read_file(file: str, including: tuple[str, ...]) -> Iterator[Binding]:
    """Yields the bindings of a file and of those it includes, in the order in which they take effect."""
    path = _find(file, including)
    if path in including:
        raise UserError(f"The gin file {path} includes itself.")
    try:
        for statement in _statements(tf.io.gfile.GFile(path).read()):
            place = f"{path}, line {statement.location.line_num}"
            if isinstance(statement, config_parser.IncludeStatement):
                yield from _read_file(statement.filename, (*including, path))
            elif isinstance(statement, config_parser.ImportStatement):
                _import(statement, place)
            elif isinstance(statement, config_parser.BindingStatement):
                yield Binding(statement.scope, statement.selector, statement.arg_name, statement.value, place)
    except (SyntaxError, tokenize.TokenError) as error:
        raise UserError(f"The gin file {path} cannot be read{_where(error)}.") from error


def _find(file: str, including: tuple[str, ...]) -> str:
    beside = [os.path.dirname(path) for path in including[-1:]]
    folders = ["", *beside, *GIN_HOMES, *(os.path.join(home, "gin") for home in GIN_HOMES)]
    for path in (os.path.join(folder, file) for folder in folders):
        if tf.io.gfile.exists(path) and not tf.io.gfile.isdir(path):
            return path
    shelves = [pathlib.Path(home, "gin") for home in GIN_HOMES]
    near = {found.name for folder in shelves for found in folder.rglob("*.gin")}
    near |= {found.name for found in pathlib.Path(os.path.dirname(file) or ".").glob("*.gin")}
    asked = f", which {including[-1]} includes" if including else ""
    raise UserError(f"There is no gin file {file}{asked}: {catalogue.suggest(os.path.basename(file), near)}")


def _import(statement: config_parser.ImportStatement, place: str) -> None:
    try:
        gin.parse_config(statement.format())
    except ImportError as error:
        raise UserError(f"{place}: {statement.format()} fails, {original_message(error)}.") from error


def _read_parameter(text: str) -> Binding:
    place = f"--gin_param {text.strip()}"
    try:
        (statement,) = _statements(text.strip())
        _, selector, _ = statement.selector, statement.selector, statement.value
    except (SyntaxError, tokenize.TokenError, ValueError, AttributeError) as error:
        name, equals, value = (part.strip() for part in text.partition("="))
        if equals and re.fullmatch(r"[A-Za-z_./~][\w./:~+-]*", value):
            mend = f"{value} is no value, and if it is meant as a string it needs quotes: '{name}=\"{value}\"'"
        else:
            mend = "a single binding name=value is needed, with strings in quotes"
        raise UserError(f"{place}: {mend}.") from error
    return Binding(statement.scope, selector, statement.arg_name, statement.value, place)


def _statements(text: str) -> list[NamedTuple]:
    return list(config_parser.ConfigParser(text, _Delegate()))
