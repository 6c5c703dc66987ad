"""Finds wrong names on the command line before TensorFlow is imported, which takes seconds.

Its sentences about wrong names and its order of folders are also those of the full check, in `config`.
"""

import ast
import importlib.metadata
import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

import tf_emcom
from tf_emcom.errors import UserError, nearest, suggest

_HOME = Path(tf_emcom.__file__).resolve().parent
# A checkout has `gin/` beside the package; an installation has it inside.
GIN_HOMES = (str(_HOME.parent), str(_HOME))
_NAME = re.compile(r"(?P<scope>(?:\w+/)*)(?P<name>\w+)(?:\.(?P<parameter>\w+))?\s*=(?P<value>.*)", re.DOTALL)
_REFERENCE = re.compile(r"@(?:\w+/)*(\w+)(?![\w.])")


def places(file: str, including: Sequence[str]) -> list[str]:
    """Where a gin file is searched, in this order; `including` are the files that lead to it by their includes."""
    beside = [os.path.dirname(path) for path in including[-1:]]
    folders = [os.path.join(home, "gin") for home in GIN_HOMES]
    return [os.path.join(folder, file) for folder in ("", *beside, *GIN_HOMES, *folders)]


def unknown_macro(place: str, name: str, macros: Collection[str], bound: Iterable[str]) -> UserError:
    """The error about a macro that no file binds; `bound` are parameters of that name, which may be meant."""
    same = dict.fromkeys(bound)
    hint = f"did you mean {' or '.join(same)}?" if same else suggest(name, macros)
    return UserError(f"{place}: no gin file binds a macro {name}; {hint}")


def unknown_component(place: str, name: str, known: Collection[str]) -> UserError:
    """The error about a name that no component has."""
    return UserError(f"{place}: there is no component {name}; {suggest(name, known)}")


def unknown_parameter(place: str, component: str, parameter: str, known: Collection[str]) -> UserError:
    """The error about a parameter that a component does not have."""
    near = nearest(parameter, known)
    valid = f"its parameters are {', '.join(known)}" if known else "it has none"
    hint = f"did you mean {near}? ({valid})" if near else f"{valid}."
    return UserError(f"{place}: {component} has no parameter {parameter}; {hint}")


def refuse_unknown_names(gin_files: Sequence[str], gin_params: Sequence[str]) -> None:
    """UserError for a macro, component or parameter of a `--gin_param` that does not exist.

    What cannot be judged from the text of gin files and of the package is left to `config.load`: names from modules of
    a user's own, and parameters of classes with open constructors.
    """
    texts = [text for file in gin_files for text in _texts(file)]
    foreign = any(re.search(r"^\s*import\s", text, re.MULTILINE) for text in texts)
    if not texts or foreign or importlib.metadata.entry_points(group="tf_emcom.plugins"):
        return
    macros = {name for text in texts for name in re.findall(r"^(\w+)\s*=", text, re.MULTILINE)}
    for given in gin_params:
        place, found = f"--gin_param {' '.join(given.split()):.200}", _NAME.fullmatch(given.strip())
        if not found:
            continue
        name, parameter = found["name"], found["parameter"]
        if parameter is None and not found["scope"] and name not in macros:
            bound = [key for text in texts for key in re.findall(rf"^(\S+\.{name})\s*=", text, re.MULTILINE)]
            raise unknown_macro(place, name, macros, bound)
        for component in [*([name] if parameter else []), *_REFERENCE.findall(found["value"])]:
            if component not in tf_emcom.__all__:
                raise unknown_component(place, component, tf_emcom.__all__)
        known = _parameters(name) if parameter else None
        if known is not None and parameter not in known:
            raise unknown_parameter(place, name, parameter, known)


def _texts(file: str, seen: tuple[str, ...] = ()) -> Iterator[str]:
    """The texts of a local gin file and of those that it includes; none where one is not found."""
    path = next((place for place in places(file, seen) if os.path.isfile(place)), None)
    if path is None or path in seen:
        yield "import nothing"  # so that nothing is refused here
        return
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    yield text
    for included in re.findall(r"^\s*include\s+['\"](.+?)['\"]", text, re.MULTILINE):
        yield from _texts(included, (*seen, path))


def _parameters(component: str) -> list[str] | None:
    """The parameters of a class of the package, as its source has them; None where its bases may have more."""
    module = tf_emcom._MODULE_OF[component].removeprefix("tf_emcom.")
    source = _HOME.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")
    classes = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}
    body = classes[component].body if component in classes else []
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__" and not node.args.kwarg:
            return [argument.arg for argument in (*node.args.args[1:], *node.args.kwonlyargs)]
    return None
