"""A run's configuration: loads it, with one sentence for each mistake, and builds its components."""

import contextlib
import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import gin
import tensorflow as tf

from tf_emcom.errors import UserError, suggest
from tf_emcom.files import is_remote, reason
from tf_emcom.runtime import catalogue, config_checks, gin_tables
from tf_emcom.runtime.config_file import Binding, read_file, read_parameter
from tf_emcom.runtime.early_checks import unknown_component, unknown_macro, unknown_parameter

# Errors of Python, Keras and TensorFlow where values do not fit a component, or do not fit into memory.
_UNFIT = (TypeError, AttributeError, ValueError, tf.errors.ResourceExhaustedError)

_NOT_GIVEN = object()
_BLAMED = re.compile(r"In call to configurable '([\w.]+)' \([^\n]*?\)(?: in scope '([^'\n]+)')?(?:\n|$)")
_MISSING = re.compile(r"missing \d+ required (?:positional|keyword-only) arguments?: (.*)")


def load(gin_files: Sequence[str], gin_params: Sequence[str], *, comes_with_run: bool = False) -> tuple[Binding, ...]:
    """Replaces gin's configuration by that of the files, then of the command-line bindings.

    The files, which `config_file.read_file` finds, are read in order. A binding `name=value` is of a macro that a file
    binds, or of any parameter of any component. Files that come with a run may do only what `config_checks` allows.
    Returns the command-line bindings; UserError if a file is missing or unreadable, or a name is unknown.
    """
    gin.clear_config()
    check = config_checks.check_statement if comes_with_run else None
    in_files = [binding for file in gin_files for binding in read_file(file, check=check)]
    if comes_with_run:
        for binding in in_files:
            config_checks.check_value(binding)
    bound = {binding.name: binding.value for binding in in_files}
    given = tuple(read_parameter(text, bound) for text in gin_params)
    bindings = (*in_files, *given)
    for binding in bindings:
        if binding.parameter:
            _check_parameter(binding)
        for selector in binding.unresolved():
            _find_component(selector, binding.place)
            raise UserError(f"{binding.place}: {selector} is used above the line that imports it; move the import up.")
    _check_macros(bindings, {binding.name for binding in in_files if not binding.parameter})
    _check_scopes(given, in_files)
    config_checks.refuse_circles(bindings)
    for binding in bindings:
        gin.bind_parameter(binding.key, binding.value)
    return given


def macro(name: str, default: Any = _NOT_GIVEN) -> Any:
    """Returns a macro's value; components in it are built again at every call.

    UserError if nothing binds the macro and there is no default, or if its value cannot be built.
    """
    try:
        gin.query_parameter(f"{name}/gin.macro.value")
    except ValueError:
        if default is not _NOT_GIVEN:
            return default
        raise UserError(f"A value for {name} is missing: bind it in a gin file, as in `{name} = ...`.") from None
    with plain_errors():
        return gin.get_configurable(f"{name}/gin.macro")()


def referenced(name: str) -> Callable[..., Any]:
    """Returns the component that `name`, such as `Learner.speaker_cls`, refers to; UserError if there is none."""
    try:
        return gin.query_parameter(name).scoped_configurable_fn
    except (ValueError, AttributeError) as error:
        raise UserError(f"{name} is not bound to a component; bind it, as in `{name} = @Component`.") from error


def rebind(name: str, value: Any) -> None:
    """Binds a parameter to another value than the one that was loaded."""
    gin.bind_parameter(name, value)


def rebind_paths(parameters: Collection[str]) -> None:
    """Makes local paths that are bound to parameters of these names absolute, so that they are valid in any folder."""
    for key in gin_tables.bindings():
        _, path = gin_tables.value_of(key)
        if key[2] in parameters and isinstance(path, str) and path and not is_remote(path):
            gin.bind_parameter(key, os.path.abspath(os.path.expanduser(path)))


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Raises a `UserError` from inside gin without the text that gin adds; also where a component cannot be built."""
    try:
        yield
    except Exception as error:
        original = gin_tables.original(error)
        if isinstance(original, UserError):
            raise original from None
        if not (built := _BLAMED.search(str(error))):
            raise
        name, scope = built.groups()
        if isinstance(original, RecursionError):
            raise UserError(
                f"{name} is built of components that hold one another without end; bind one of them to something else."
            ) from error
        if isinstance(original, TypeError):
            _explain_missing_value(original, name, scope)
        if isinstance(original, _UNFIT):
            raise UserError(
                f"{name} cannot be built from its bindings ({reason(original)}); look at its parameters, also at @Name"
                " against @Name(): a class is bound without parentheses, an object with them."
            ) from error
        raise


def _check_parameter(binding: Binding) -> None:
    known, takes_others = catalogue.parameters(_find_component(binding.selector, binding.place))
    if binding.parameter not in known and not takes_others:
        raise unknown_parameter(binding.place, binding.selector, binding.parameter, known)


def _find_component(selector: str, place: str) -> Callable[..., Any]:
    found = gin_tables.matching(selector)
    if not found:
        raise unknown_component(place, selector, {entry.name for entry in gin_tables.components()})
    if len(found) > 1:
        names = " or ".join(sorted(entry.selector for entry in found))
        raise UserError(f"{place}: {selector} can mean more than one component; write {names}.")
    return found[0].wrapped


def _check_macros(bindings: Sequence[Binding], macros: set[str]) -> None:
    """UserError for a macro that no file binds, or one that is a component and is bound to a text."""
    values = {each.name: each.value for each in bindings if not isinstance(each.value, str)}
    components = {name: value for name, value in values.items() if isinstance(value, gin_tables.Reference)}
    for binding in bindings:
        if not binding.parameter and binding.name not in macros:
            same = (each.name for each in bindings if each.parameter == binding.name)
            raise unknown_macro(binding.place, binding.name, macros, same)
        if not binding.parameter and isinstance(binding.value, str) and binding.name in components:
            raise UserError(
                f"{binding.place}: {binding.name} is a text, but it is bound to {components[binding.name]} here; bind"
                " it to a component, with an @, or name another gin file."
            )
        for name in gin_tables.macros_in(binding.value):
            if name not in macros:
                hint = suggest(name, macros)
                raise UserError(f"{binding.place}: {binding.name} uses %{name}, which nothing binds; {hint}")


def _check_scopes(given: Sequence[Binding], in_files: Sequence[Binding]) -> None:
    """UserError for a command-line binding in a scope in which nothing is ever built."""
    used = {binding.scope for binding in in_files if binding.parameter}
    used |= {scope for binding in (*in_files, *given) for scope in binding.built_in()}
    # Components without a scope in a macro's value are built in a scope with the macro's name.
    used |= {binding.name for binding in (*in_files, *given) if not binding.parameter and "" in binding.built_in()}
    known = {outer for scope in used for outer in gin_tables.outermost(scope)} - {""}
    for binding in given:
        if binding.parameter and binding.scope and binding.scope not in known:
            hint = suggest(binding.scope, known)
            raise UserError(f"{binding.place}: no gin file uses a scope {binding.scope}; {hint}")


def _explain_missing_value(error: TypeError, name: str, scope: str | None) -> None:
    """UserError if the error says that gin called a constructor without a value that it needs."""
    missing = _MISSING.search(str(error))
    names = re.findall(r"'(\w+)'", missing[1]) if missing else ()
    candidates = [catalogue.parameters(entry.wrapped)[0] for entry in gin_tables.matching(name)]
    required = {each.name for known in candidates for each in known.values() if each.default is each.empty}
    # A wrong call inside of a constructor is another fault.
    if names and len(candidates) == 1 and set(names) <= required:
        keys = " and ".join(f"{scope + '/' if scope else ''}{name}.{each}" for each in names)
        raise UserError(f"{name} needs a value for {' and '.join(names)}: bind {keys} in gin.") from error


def build(component: str, *arguments: Any) -> Any:  # noqa: ANN401 components are of every type
    """A component by its class's name, with the parameters that are bound to it; `arguments` come first."""
    with plain_errors():
        return gin.get_configurable(component)(*arguments)


@contextlib.contextmanager
def borrowed(gin_file: str) -> Iterator[None]:
    """Within it, components are built as the `gin_file` of another run says; after it, as before.

    Nothing of it counts as used, and it may do only what `config_checks` allows; UserError as for `load`.
    """
    # The scope of the caller belongs to the other configuration.
    with gin_tables.kept(), gin.config_scope(None):
        load([gin_file], [], comes_with_run=True)
        yield
