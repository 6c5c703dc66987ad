"""The pages of the Python API are built from the docstrings without a warning."""

import html
import re

import pytest

from tests import commands

# A class of every package, and a line of its docstring, shapes included, as a reader sees it.
SHOWN = {
    "types": "[B, T, V]",
    "seeds": "int32 [2]",
    "ops.categorical": "[B, V]",
    "schedules": "float32 []",
    "agents.nets.recurrent": "[B, 2H] ↦ (h, c)",
    "agents.heads.listener": "[B, E] and [N, E] ↦ [B, N] in [−4, 0].",
    "agents.sampling": "int32 [B]",
    "agents.grammar": "[B, V]",
    "games.channels": "symbol",
    "games.tasks": "[N, F]",
    "games.policies": "from scores [B, C]",
    "games.losses": "REINFORCE",
    "games.rewards": "The reward of each game",
    "training.optimizers": "Kingma & Ba 2015, algorithm 1",
    "evaluation.metrics.similarity": "Spearman",
    "agents.speaker": "The greedy symbols for inputs [B, F]: int32 [B, T].",
    "games.lewis": "[N, F], the inputs of all replicas",
    "training.learner": "speaker_optimizer_cls",
    "games.transfer_tasks": "attribute",
    "training.populations.population": "int32 [k, 4]",
    "data.generated": "float32 [N, 64]",
    "runtime.run_folder": "metrics.jsonl",
    "plots": "uint8 [G, C, height, width, 3]",
    "training.trainer": "The means of the metrics over these steps",
    "evaluation.evaluator": "[N, F]",
    "training.actions.tensor_board": "histograms of the symbols",
    "training.experiment": "mixed_bfloat16",
    "evaluation.tests.accuracy_test": "accuracy",
    "tools.preflight.compiler": "compile",
    "tools.tpu_job": "every host",
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Module below tf_emcom -> the text of its page."""
    out = tmp_path_factory.mktemp("api")
    done = commands.start("api_page", f"--out={out}")
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert (out / "index.html").exists()
    found = {}
    for path in (out / "tf_emcom").rglob("*.html"):
        # Without the source, which would tell everything.
        shown = re.sub(r'<div class="pdoc-code codehilite">.*?</div>', "", path.read_text(), flags=re.DOTALL)
        text = html.unescape(re.sub(r"<[^>]+>", "", shown))
        found[".".join(path.relative_to(out / "tf_emcom").with_suffix("").parts)] = " ".join(text.split())
    return found


def test_every_module_has_a_page(pages):
    modules = [path.relative_to(commands.ROOT / "tf_emcom") for path in (commands.ROOT / "tf_emcom").rglob("*.py")]
    names = {".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in modules}
    assert names - {"__init__"} == pages.keys()


@pytest.mark.parametrize("module", SHOWN)
def test_page_tells_what_the_docstring_tells(pages, module):
    assert SHOWN[module] in pages[module]


def test_a_warning_is_a_failure_that_says_where(tmp_path):
    package = tmp_path / "half_done"
    package.mkdir()
    (package / "__init__.py").write_text('"""A package."""\n')
    (package / "needy.py").write_text('"""A module."""\n\nimport a_library_that_is_not_there\n')
    env = {"PYTHONPATH": str(tmp_path)}
    done = commands.start("api_page", "--module=half_done", f"--out={tmp_path / 'out'}", env=env.items())
    assert done.returncode == 1
    assert "Warning: " in done.stderr and "half_done.needy" in done.stderr
