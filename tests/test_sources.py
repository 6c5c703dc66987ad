"""Which parts of EaS are cited: those that there are; and whose settings are called whose."""

import re

import pytest

from tests import commands

FILES = sorted(
    path
    for pattern in ("README.md", "docs/*.md", "gin/**/*.gin", "bin/*", "tf_emcom/**/*.py")
    for path in commands.ROOT.glob(pattern)
)
# Of what is cited: the framework, imitation, transfer and ease of learning, settings, resets.
SECTIONS = {"2", "2.3", "2.4", "A.4", "B.4"}
CITED = re.compile(r"EaS(?:'s)?,? (?:its )?(?:section|appendix|§)\s*([A-Z\d.]*[A-Z\d])")


def wrong(text):
    """What a text cites of EaS that it does not have, and settings that it calls those of both papers."""
    text = re.sub(r"\s+(?:#\s)?", " ", text)
    sections = [found for found in CITED.findall(text) if found not in SECTIONS]
    # EaS numbers no equations.
    equations = re.findall(r"EaS(?:'s)?,? (?:its )?eq(?:uation|\.)[^)]*", text)
    return sections + equations + re.findall(r"(?:the papers'|both papers|of the papers|paper's settings)", text)


def test_sources_are_cited_right():
    found = {str(path.relative_to(commands.ROOT)): wrong(path.read_text()) for path in FILES}
    assert {path: mistakes for path, mistakes in found.items() if mistakes} == {}


@pytest.mark.parametrize(
    "text",
    ["(EaS, section 3.3)", "(EaS, eq. 1–3)", "EaS, equation 4", "(EaS, section 4; NEC)", "agents of both\n# papers."],
)
def test_a_wrong_source_is_found(text):
    assert len(wrong(text)) == 1


def test_right_sources_pass():
    assert wrong("(EaS, section 2.3), EaS, appendix B.4; the games of two papers") == []


def test_what_is_known_is_cited():
    package = " ".join(path.read_text() for path in FILES)
    assert {"2.3", "2.4", "B.4"} <= set(CITED.findall(package))
