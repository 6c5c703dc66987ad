"""House rules that no linter knows: sizes, names, finished work, packaging."""

import ast
import os
import re
import statistics
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARY = sorted((ROOT / "tf_emcom").rglob("*.py"))
BENCHMARKS = sorted((ROOT / "benchmarks").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
BIN = sorted(path for path in (ROOT / "bin").iterdir() if path.is_file())
BASH = [path for path in [*BIN, ROOT / ".ci" / "run"] if re.match("#!.*bash", path.read_text())]
SOURCED = [ROOT / "bin" / "_environment"]

FILE_LINES = 400
LEAST_LINES = 25
MOST_FILES = 220
FUNCTION_LINES = 60
# Bracketed so that the pattern does not match itself.
UNFINISHED = re.compile(
    r"\b(TO[D]O|FIX[M]E|XX[X])\b|pytest\.(skip|xfail|importorskip)\b|\bmark\.(skip|skipif|xfail)\b|\bSkip[T]est\b"
)
PIN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*==[0-9][0-9a-z.]*")


def name(path):
    return str(path.relative_to(ROOT))


def requirements():
    """The dependencies of pyproject.toml, and those of its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return project["dependencies"], project["optional-dependencies"]


def pins():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_files_are_short():
    lines = {name(path): len(path.read_text().splitlines()) for path in [*LIBRARY, *BENCHMARKS]}
    assert {path: count for path, count in lines.items() if count >= FILE_LINES} == {}


def test_functions_are_short():
    functions = {
        f"{name(path)}:{node.name}": node.end_lineno - node.lineno + 1
        for path in [*LIBRARY, *BENCHMARKS]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {function: count for function, count in functions.items() if count >= FUNCTION_LINES} == {}


def test_there_are_few_files_and_none_is_tiny():
    lines = {name(path): len(path.read_text().splitlines()) for path in LIBRARY}
    assert len(lines) <= MOST_FILES
    short = {path: count for path, count in lines.items() if count < LEAST_LINES}
    assert [path for path in short if not path.endswith(("__init__.py", "__main__.py"))] == []
    assert 60 <= statistics.median(count for path, count in lines.items() if "__init__" not in path) <= 150


def test_every_folder_is_a_package():
    assert [name(path) for path in [*LIBRARY, *BENCHMARKS] if not (path.parent / "__init__.py").exists()] == []


def test_nothing_is_left_unfinished_or_skipped():
    paths = [*LIBRARY, *BENCHMARKS, *TESTS, *BIN, ROOT / "setup.py"]
    found = {name(path): [match[0] for match in UNFINISHED.finditer(path.read_text())] for path in paths}
    assert {path: words for path, words in found.items() if words} == {}


@pytest.mark.parametrize(
    "text",
    ["# TO" + "DO: later", "@pytest.mark." + "skip", "pytest." + "skip('no')", "@pytest.mark." + "xfail(strict=True)"],
)
def test_unfinished_work_is_recognised(text):
    assert UNFINISHED.search(text)


def test_commands_are_executable():
    commands = [path for path in BIN if path not in SOURCED] + [ROOT / ".ci" / "run"]
    assert [name(path) for path in commands if not os.access(path, os.X_OK)] == []
    assert [name(path) for path in commands if not path.read_text().startswith("#!")] == []


def test_bash_stops_at_the_first_error():
    assert [name(path) for path in BASH if "\nset -euo pipefail\n" not in path.read_text()] == []


def test_extras_are_there():
    _, extras = requirements()
    assert set(extras) == {"cuda", "tpu", "preflight", "corpora", "docs", "test"}


def test_pins_are_exact():
    assert [pin for pin in pins() if not PIN.fullmatch(pin)] == []


def test_direct_requirements_are_pinned_once():
    required, extras = requirements()
    pinned = [pin.partition("==")[0] for pin in pins()]
    assert len(pinned) == len(set(pinned))
    packages = [text for name in ("preflight", "corpora", "docs", "test") for text in extras[name]]
    installed = [text for text in (*required, *packages) if not text.startswith("tf_emcom[")]
    wanted = {re.split(r"[^a-z0-9-]", text)[0] for text in installed}
    # The extras preflight and tpu need different ones, so that each of them pins its own.
    assert wanted - set(pinned) == {"libtpu"}


def test_libtpu_is_pinned_by_the_extra_that_needs_one_release_of_it():
    _, extras = requirements()
    assert any(re.fullmatch(r"libtpu==[0-9.]+", text) for text in extras["preflight"])
