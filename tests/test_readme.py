"""What README.md shows of the Python API runs as it stands there."""

import re

import keras
import numpy as np
import pytest

from tests import commands
from tf_emcom.agents.speaker import Speaker

HEADING = "## In a notebook"


def shown_under(heading):
    """The first Python block below a heading of README.md, and not below the next one."""
    text = (commands.ROOT / "README.md").read_text()
    section = re.split(r"^## ", text.split(f"{heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    return re.search(r"^```python\n(.*?)^```$", section, re.DOTALL | re.MULTILINE).group(1)


def test_notebook_needs_ten_lines_and_no_gin():
    lines = [line for line in shown_under(HEADING).splitlines() if line.strip()]
    assert 5 <= len(lines) <= 10
    assert "gin" not in shown_under(HEADING)


@pytest.mark.slow
def test_notebook_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = {}
    exec(compile(shown_under(HEADING), "README.md", "exec"), made)
    assert 0 <= made["means"]["accuracy"] <= 1
    assert {"reward", "speaker_loss", "listener_loss"} <= made["means"].keys()
    assert made["messages"].shape == (16, 10) and made["scores"].shape == (16, 16)
    assert np.isfinite(made["scores"]).all()
    loaded = keras.saving.load_model("speaker.keras")
    assert isinstance(loaded, Speaker)
    np.testing.assert_array_equal(loaded(made["digits"].inputs[:16]), made["messages"])
