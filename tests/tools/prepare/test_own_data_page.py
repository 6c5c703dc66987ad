"""What docs/own_data.md says is true."""

import re

import numpy as np
from absl import flags

from tests import commands
from tf_emcom.commands import COMMANDS
from tf_emcom.data.byol_folder import ByolFolder

PAGE = (commands.ROOT / "docs" / "own_data.md").read_text()


def test_the_code_on_the_page_writes_a_data_set(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    rng = np.random.default_rng(0)
    arrays = {
        split: (rng.standard_normal((count, 512), dtype=np.float32), rng.integers(2, size=count))
        for split, count in (("train", 5), ("valid", 2), ("test", 3))
    }
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(code, "own_data.md", "exec"), {"arrays": arrays})
    for split, (vectors, labels) in arrays.items():
        found = ByolFolder("my_features").load(split)
        np.testing.assert_array_equal(found.inputs, vectors)
        np.testing.assert_array_equal(found.labels["label"], labels)


def test_the_table_has_every_flag_of_the_command():
    values = flags.FlagValues()
    for define in COMMANDS["prepare-features"].flags:
        define(values)
    defined = set(values.flag_values_dict()) - {"plugin"}
    table = PAGE[PAGE.index("## Options") : PAGE.index("## What it writes")]
    first_column = "".join(re.findall(r"^\| (.*?) \|", table, re.MULTILINE))
    assert sorted(re.findall(r"`--(\w+)`", first_column)) == sorted(defined)


def test_gin_files_that_the_page_names_are_there():
    for name in re.findall(r"gin/\w+\.gin", PAGE):
        assert (commands.ROOT / name).exists()
