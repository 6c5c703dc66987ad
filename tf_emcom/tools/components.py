"""Lists the components that gin files can name, and describes them from their docstrings."""

import functools
import importlib
import inspect
import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import docstring_parser

from tf_emcom.errors import UserError, suggest
from tf_emcom.runtime import catalogue, gin_tables

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
        found = gin_tables.matching(name.lstrip("@").removesuffix("()"))
        if not found:
            known = [entry.name for entry in gin_tables.components()]
            raise UserError(f"There is no component {name!r}: {suggest(name, known)}")
        texts += [_description(entry.wrapped) for entry in found]
    return "\n\n".join(texts)


def by_module() -> dict[str, list[Component]]:
    """Module ↦ its components in the order of their names; modules in the order of the package."""
    catalogue.register_components()
    found: dict[str, list[Component]] = {}
    every = [entry.wrapped for entry in gin_tables.components()]
    for component in sorted(every, key=lambda each: (each.__module__, each.__name__)):
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
    lines = ["# Components", "", "What gin files can name, by modules; `tf-emcom components NAME` prints the same.", ""]
    for module, components in by_module().items():
        lines += [f"## {module.removeprefix('tf_emcom.')}", "", _first_line(importlib.import_module(module)), ""]
        for component in components:
            lines += [f"### {component.__name__}", "", _about(component), ""]
            rows = [(f"`{name}`", default and f"`{default}`", about) for name, default, about in parameters(component)]
            cells = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows]
            heads = ["| parameter | default | |", "|---|---|---|"] if rows else []
            lines += [*heads, *(f"| {row} |" for row in cells), ""]
    return "\n".join(lines)


def _description(component: Component) -> str:
    lines = [signature(component), "", _about(component), ""]
    for name, default, about in parameters(component):
        lines += [f"  {name} = {default}" if default else f"  {name} (has to be bound)"]
        lines += textwrap.wrap(about, 110, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join(lines)


def _about(component: Component) -> str:
    """What the component does, and how it is built, but for its parameters one by one."""
    constructor = vars(component).get("__init__")
    of_constructor = (constructor and constructor.__doc__) or ""
    texts = (inspect.getdoc(component) or "", inspect.cleandoc(of_constructor))
    return "\n\n".join(re.split(r"\n+(?:Args|Attributes|Raises):\n", text)[0] for text in texts if text)


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
    if inspect.isclass(cls):
        return f"@{cls.__name__}"
    return f"@{type(value).__name__}()" if type(value).__module__.startswith("tf_emcom.") else repr(value)
