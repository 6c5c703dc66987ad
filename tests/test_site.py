"""The site is built from docs/ and the docstrings without a warning, and shows what they say."""

import html
import re
import subprocess
import sys

import pytest

from tests import commands

# A class of every package, and a line of its docstring, shapes included, as a reader sees it.
SHOWN = {
    "tf_emcom": "int32 [2]",
    "tf_emcom.ops": "[B, V]",
    "tf_emcom.agents": "The greedy symbols for inputs [B, F]: int32 [B, T].",
    "tf_emcom.agents.nets": "Hochreiter & Schmidhuber 1997",
    "tf_emcom.agents.heads": "[B, C]",
    "tf_emcom.games": "REINFORCE",
    "tf_emcom.training": "Kingma & Ba 2015, algorithm 1",
    "tf_emcom.training.populations": "independent",
    "tf_emcom.data": "float32 [N, 64]",
    "tf_emcom.runtime": "metrics.jsonl",
    "tf_emcom.evaluation": "[N, F]",
    "tf_emcom.evaluation.metrics": "Spearman",
    "tf_emcom.training.actions": "histograms of the symbols",
    "tf_emcom.evaluation.tests": "accuracy",
    "tf_emcom.tools.preflight": "compile",
    "tf_emcom.tools": "every host",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site; `strict` in mkdocs.yml makes a failure of every warning."""
    out = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "mkdocs", "build", f"--site-dir={out}"]
    done = subprocess.run(words, cwd=commands.ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "WARNING " not in done.stderr
    return out


def words_of(page):
    text = html.unescape(re.sub(r"<[^>]+>", "", page.read_text()))
    return " ".join(text.split())


@pytest.mark.processes
def test_there_is_a_page_for_every_file_of_docs(site):
    for page in (commands.ROOT / "docs").glob("*.md"):
        name = "index.html" if page.stem == "index" else f"{page.stem}/index.html"
        assert (site / name).exists()


def test_every_module_is_on_a_page(site):
    pages = " ".join(words_of(page) for page in (site / "api").rglob("index.html"))
    for path in (commands.ROOT / "tf_emcom").rglob("*.py"):
        if not path.stem.startswith("__"):
            name = ".".join(path.relative_to(commands.ROOT).with_suffix("").parts)
            assert f"{name} " in pages, name


@pytest.mark.parametrize("package", SHOWN)
def test_page_says_what_the_docstring_says(site, package):
    assert SHOWN[package] in words_of(site / "api" / package / "index.html")


def test_every_component_is_listed_with_its_parameters(site):
    shown = words_of(site / "components" / "index.html")
    assert "Erasure Each symbol independently becomes UNK" in shown.replace("¶", "").replace("  ", " ")
    assert "numbers of candidates, C" in shown


def test_pages_load_nothing_from_other_sites(site):
    loaded = r"""<(?:script|img|link rel="(?:stylesheet|icon)")[^>]*(?:src|href)="(https?:[^"]+)"""
    assert [found for page in site.rglob("*.html") for found in re.findall(loaded, page.read_text())] == []


def test_readme_is_short_and_its_links_lead_somewhere():
    text = (commands.ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 150
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (commands.ROOT / link).exists(), link
