"""Holds the arrows between the packages of tf_emcom one-way, by reading every import statement."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(path.relative_to(ROOT) for path in (ROOT / "tf_emcom").rglob("*.py"))

# A package may import from itself and from the layers above its own in this table; packages of one layer do not know
# each other, but for the modules of the first and of the last one.
LAYERS = (
    ("types", "errors", "files", "checks", "seeds", "schedules", "plots"),
    ("ops", "data"),
    ("agents",),
    ("games",),
    ("runtime",),
    ("training",),
    ("evaluation",),
    ("tools",),
    ("cli", "commands", "__main__"),
)
DEPTH = {entry: depth for depth, layer in enumerate(LAYERS) for entry in layer}
# Jobs are sent from machines without TensorFlow.
NARROWER = {"tools.tpu_job": {"errors"}}
CONFIG = "runtime"
# What may ask the package itself for its version and its public names, which imports nothing.
ASKS_THE_PACKAGE = ("commands", "runtime.provenance", "runtime.early_checks")
# Folders of the repository that are not installed with the package.
NOT_INSTALLED = ("benchmarks", "tests")


def entry_of(module: str) -> str:
    """The package or module of the first level in a dotted name; tf_emcom itself is ''."""
    return (module.split(".") + [""])[1]


def imports(path: Path, source: str) -> Iterator[tuple[int, str]]:
    """Yields line and dotted name of everything that a file imports, relative imports resolved."""
    package = path.parent.parts
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            stem = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (stem, node.module) if part)
            for alias in node.names:
                # `from tf_emcom import ops` imports a package, `from tf_emcom.ops import x` something in it.
                yield node.lineno, f"{module}.{alias.name}"


def allowed(entry: str) -> set[str]:
    lower = {other for other, depth in DEPTH.items() if depth < DEPTH[entry]}
    return lower | next((set(layer) for layer in (LAYERS[0], LAYERS[-1]) if entry in layer), {entry})


def violations(path: Path, source: str) -> list[str]:
    entry = path.with_suffix("").parts[1]
    if entry == "__init__":
        entry, may = "tf_emcom", set()
    elif entry not in DEPTH:
        return [f"{path}: {entry} is not in the table of tests/test_imports.py; add it where it belongs"]
    else:
        may = NARROWER.get(".".join(path.with_suffix("").parts[1:]), allowed(entry))
    may = may | ({""} if ".".join(path.with_suffix("").parts[1:]) in ASKS_THE_PACKAGE else set())
    found = []
    for line, name in imports(path, source):
        top = name.split(".")[0]
        if top == "gin" and entry != CONFIG:
            found.append(f"{path}:{line}: only {CONFIG}/ may import gin")
        if top in NOT_INSTALLED:
            found.append(f"{path}:{line}: {top}/ is not installed with the package, which may not import it")
        if top == "tf_emcom" and entry_of(name) not in may:
            found.append(f"{path}:{line}: {entry} may not import {name}")
    return found


def test_there_are_files():
    assert len(FILES) > 5


def test_arrows_are_one_way():
    assert [found for path in FILES for found in violations(path, (ROOT / path).read_text())] == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("tf_emcom/ops/values.py", "from tf_emcom.agents.nets.layers import Mlp"),
        ("tf_emcom/ops/values.py", "import tf_emcom.games.lewis as game"),
        ("tf_emcom/games/channels.py", "def f():\n    from tf_emcom import training"),
        ("tf_emcom/games/channels.py", "from ..training import learner"),
        ("tf_emcom/games/channels.py", "from .. import training"),
        ("tf_emcom/agents/heads/speaker.py", "from ...games.lewis import Game"),
        ("tf_emcom/runtime/checkpoints.py", "from tf_emcom.training.actions.action import TrainingState"),
        ("tf_emcom/data/generated.py", "from tf_emcom.ops import selection"),
        ("tf_emcom/games/lewis.py", "import tf_emcom"),
        ("tf_emcom/games/lewis.py", "import gin"),
        ("tf_emcom/training/experiment.py", "from tf_emcom.evaluation.tests.test import Test"),
        ("tf_emcom/training/train.py", "from gin import config"),
        ("tf_emcom/seeds.py", "from tf_emcom.ops import selection"),
        ("tf_emcom/__init__.py", "from tf_emcom.games.lewis import play"),
        ("tf_emcom/cli.py", "from benchmarks import suite"),
        ("tf_emcom/unheard_of/thing.py", ""),
    ],
)
def test_planted_import_is_caught(path, source):
    assert len(violations(Path(path), source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("tf_emcom/games/channels.py", "from tf_emcom.games.tasks import Task\nfrom . import rewards"),
        ("tf_emcom/games/__init__.py", "from .channels import Channel\nimport numpy, tensorflow as tf"),
        ("tf_emcom/schedules.py", "from tf_emcom import errors, types"),
        ("tf_emcom/runtime/config.py", "import gin\nfrom tf_emcom.games.lewis import Game"),
        ("tf_emcom/cli.py", "from tf_emcom import evaluation\nfrom tf_emcom.runtime.strategies import Tpu"),
        ("tf_emcom/training/train.py", "from tf_emcom.training.experiment import Experiment"),
        ("tf_emcom/data/generated.py", "from tf_emcom.seeds import Stream\nfrom tf_emcom.data.source import Examples"),
    ],
)
def test_right_import_passes(path, source):
    assert violations(Path(path), source) == []


def test_there_are_few_layers_and_few_packages():
    assert len(LAYERS) <= 9
    entries = {path.with_suffix("").parts[1] for path in FILES} - {"__init__"}
    assert entries == set(DEPTH) and len([name for name in entries if (ROOT / "tf_emcom" / name).is_dir()]) <= 12
