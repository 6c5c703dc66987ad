"""Lists the components that gin files can name, and describes them from their docstrings."""

import importlib
import functools
import inspect
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import docstring_parser

from tf_emcom.errors import UserError
from tf_emcom.runtime import catalogue

Component = Callable[..., Any]


def listed() -> str:
    """Every component with its parameters and the first line of its docstring, by modules."""
    lines = []
    for module, components in by_module().items():
        lines += [f"{module}: {_first_line(importlib.import_module(module))}"]
        lines += [f"  {signature(each)}\n      {_first_line(each)}" for each in components] + [""]
    return "\n".join([*lines, "`components NAME` describes one; @NAME() is an object of it in a gin file."])


def described(names: Sequence[str]) -> str:
    """What some components do, with a table of their parameters.

    Raises:
      UserError: there is no component of such a name.
    """
    catalogue.register_components()
    texts = []
    for name in names:
        found = catalogue.matches(name.lstrip("@").removesuffix("()"))
        if not found:
            raise UserError(f"There is no component {name!r}: {catalogue.suggest(name, catalogue.component_names())}")
        texts += [_description(component) for component in found]
    return "\n\n".join(texts)


def by_module() -> dict[str, list[Component]]:
    """Module ↦ its components in the order of their names; modules in the order of the package."""
    catalogue.register_components()
    found: dict[str, list[Component]] = {}
    every = {id(each): each for name in catalogue.component_names() for each in catalogue.matches(name)}
    for component in sorted(every.values(), key=lambda each: (each.__module__, each.__name__)):
        found.setdefault(component.__module__, []).append(component)
    return found


def signature(component: Component) -> str:
    """The name with the parameters and their defaults, such as `Erasure(probability=0.0)`."""
    parameters = catalogue.parameters(component)[0].values()
    return f"{component.__name__}({', '.join(_shown(each) for each in parameters)})"


class Parameter(NamedTuple):
    """A parameter that gin can bind."""

    name: str
    default: str  # as in a gin file; empty: it has to be bound
    about: str  # what the docstrings say of it


def parameters(component: Component) -> list[Parameter]:
    """The parameters of a component, in the order of its constructor."""
    said = _said_of_parameters(component)
    found = catalogue.parameters(component)[0].items()
    return [Parameter(name, _default(each), said.get(name, "")) for name, each in found]


def markdown() -> str:
    """Every component with all of its parameters, as a page in Markdown."""
    lines = ["# Components", "", "What gin files can name, by modules. `tf-emcom components NAME` prints the same of one.", ""]
    for module, components in by_module().items():
        lines += [f"## {module.removeprefix('tf_emcom.')}", "", _first_line(importlib.import_module(module)), ""]
        for component in components:
            lines += [f"### {component.__name__}", "", inspect.getdoc(component) or "", ""]
            rows = [(f"`{each.name}`", f"`{each.default}`" if each.default else "", each.about) for each in parameters(component)]
            cells = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows]
            lines += ["| parameter | default | |", "|---|---|---|", *(f"| {row} |" for row in cells), ""] if rows else []
    return "\n".join(lines)


def _description(component: Component) -> str:
    lines = [signature(component), "", inspect.getdoc(component) or "", ""]
    for name, default, about in parameters(component):
        lines += [f"  {name} = {default}" if default else f"  {name} (has to be bound)"]
        lines += textwrap.wrap(about, 110, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join(lines)


def _said_of_parameters(component: Component) -> dict[str, str]:
    """Parameter ↦ its description in the docstrings of the class, its constructor and those of its bases."""
    said: dict[str, str] = {}
    for cls in inspect.getmro(component) if inspect.isclass(component) else [component]:
        for text in (vars(cls).get("__doc__"), getattr(vars(cls).get("__init__"), "__doc__", None)):
            for each in docstring_parser.parse(text or "", docstring_parser.DocstringStyle.GOOGLE).params:
                said.setdefault(each.arg_name, " ".join((each.description or "").split()))
    return said


def _first_line(described: Any) -> str:
    return (inspect.getdoc(described) or "").partition("\n")[0]


def _shown(parameter: inspect.Parameter) -> str:
    default = _default(parameter)
    return f"{parameter.name}={default}" if default else parameter.name


def _default(parameter: inspect.Parameter) -> str:
    """As it is written in a gin file; empty where there is none."""
    value = parameter.default
    if value is parameter.empty:
        return ""
    # A class with some of its arguments stands for the class.
    cls = value.func if isinstance(value, functools.partial) else value
    return f"@{cls.__name__}" if inspect.isclass(cls) else repr(value)
