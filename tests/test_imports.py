"""Holds the arrows between the rooms of tf_emcom one-way, by reading every import statement."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(path.relative_to(ROOT) for path in (ROOT / "tf_emcom").rglob("*.py"))

# A room may import from itself and from the layers above its own in this table; rooms of one layer do not know each
# other. The first layer is one room of small modules.
LAYERS = (
    ("types", "errors", "files", "checksums", "annotations", "arguments", "shapes", "seeds", "schedules"),
    ("ops",),
    ("nets",),
    ("articulations", "grammars", "heads", "channels", "tasks", "policies", "losses", "rewards", "optimizers")
    + ("metrics",),
    ("agents",),
    ("transfer", "rules"),
    ("game", "transfer_game", "transcriber", "greedy_games"),
    ("trainee",),
    ("learner", "transfer_learner"),
    ("populations",),
    ("data", "runtime", "figures"),
    ("trainer", "evaluator", "transfer_evaluator", "naming_evaluator", "export", "corpora"),
    ("actions",),
    ("experiment",),
    ("modes", "benchmarks", "reproduction", "preflight", "reports", "preparation", "tools"),
    ("command", "launch"),
)
DEPTH = {room: depth for depth, layer in enumerate(LAYERS) for room in layer}
# Rooms and modules that may import less: data sets can be used without the game; jobs are sent from machines without
# TensorFlow.
NARROWER = {
    "data": {"data", "types", "errors", "files", "annotations", "arguments", "seeds"},
    "tools.tpu_job": {"errors"},
}
CONFIG_ROOM = "runtime"


def room_of(module: str) -> str:
    """The room of a dotted module name; the package itself is the room ''."""
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
                # `from tf_emcom import ops` imports a room, `from tf_emcom.ops import x` one of its modules or names.
                yield node.lineno, f"{module}.{alias.name}"


def allowed(room: str) -> set[str]:
    if room in NARROWER:
        return NARROWER[room]
    lower = {other for other, depth in DEPTH.items() if depth < DEPTH[room]}
    return lower | (set(LAYERS[0]) if room in LAYERS[0] else {room})


def violations(path: Path, source: str) -> list[str]:
    room, module = path.with_suffix("").parts[1], ".".join(path.with_suffix("").parts[1:])
    if room == "__init__":
        room, may = "tf_emcom", set()
    elif room not in DEPTH:
        return [f"{path}: the room {room} is not in the table of tests/test_imports.py; add it where it belongs"]
    else:
        may = NARROWER.get(module) or allowed(room)
    found = []
    for line, name in imports(path, source):
        top = name.split(".")[0]
        if top == "gin" and room != CONFIG_ROOM:
            found.append(f"{path}:{line}: only {CONFIG_ROOM}/ may import gin")
        if top == "tf_emcom" and room_of(name) not in may:
            found.append(f"{path}:{line}: {room} may not import {name}")
    return found


def test_there_are_files():
    assert len(FILES) > 5


@pytest.mark.parametrize("path", FILES, ids=str)
def test_arrows_are_one_way(path):
    assert violations(path, (ROOT / path).read_text()) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("tf_emcom/ops/values.py", "from tf_emcom.nets.mlp import Mlp"),
        ("tf_emcom/ops/values.py", "import tf_emcom.game as game"),
        ("tf_emcom/channels/erasure.py", "def f():\n    from tf_emcom import tasks"),
        ("tf_emcom/channels/erasure.py", "from ..tasks import discrimination"),
        ("tf_emcom/channels/erasure.py", "from .. import tasks"),
        ("tf_emcom/heads/speaker/policy.py", "from ...agents.speaker import Speaker"),
        ("tf_emcom/runtime/checkpoints.py", "from tf_emcom.actions.action import Moment"),
        ("tf_emcom/data/digits.py", "from tf_emcom.ops import selection"),
        ("tf_emcom/game.py", "import tf_emcom"),
        ("tf_emcom/game.py", "import gin"),
        ("tf_emcom/experiment.py", "from tf_emcom.modes.train import Train"),
        ("tf_emcom/modes/train.py", "from gin import config"),
        ("tf_emcom/seeds.py", "from tf_emcom.ops import selection"),
        ("tf_emcom/__init__.py", "from tf_emcom.game import play"),
        ("tf_emcom/tools/tpu_job.py", "from tf_emcom.files import read_text"),
        ("tf_emcom/tools/tpu_job.py", "from tf_emcom.tools import another"),
        ("tf_emcom/unheard_of/thing.py", ""),
    ],
)
def test_planted_import_is_caught(path, source):
    assert len(violations(Path(path), source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("tf_emcom/channels/erasure.py", "from tf_emcom.channels.channel import Channel\nfrom . import clear"),
        ("tf_emcom/channels/__init__.py", "from .channel import Channel\nimport numpy, tensorflow as tf"),
        ("tf_emcom/shapes.py", "from tf_emcom import errors, types"),
        ("tf_emcom/runtime/config.py", "import gin\nfrom tf_emcom.learner import Learner"),
        ("tf_emcom/command.py", "from tf_emcom import modes\nfrom tf_emcom.runtime.strategies import tpu"),
        ("tf_emcom/modes/train.py", "from tf_emcom.experiment import Experiment"),
        ("tf_emcom/tools/tpu_job.py", "import argparse\nfrom tf_emcom.errors import UserError"),
        ("tf_emcom/data/digits.py", "from tf_emcom.seeds import Stream\nfrom tf_emcom.data.examples import Examples"),
    ],
)
def test_right_import_passes(path, source):
    assert violations(Path(path), source) == []
