"""Fresh processes."""

import subprocess
import sys

import numpy as np
import pytest

from benchmarks import fresh_process
from tests import commands
from tf_emcom.errors import UserError

pytestmark = pytest.mark.processes


def test_a_mistake_in_the_bindings_is_reported_in_one_sentence():
    with pytest.raises(UserError, match="^--gin_param no_such=1: no gin file binds a macro no_such; "):
        fresh_process.train_in_fresh_process("lg_s", ["no_such=1"])


def test_a_folder_of_the_same_name_in_the_current_directory_is_not_used(tmp_path, monkeypatch):
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "__init__.py").write_text("raise RuntimeError('the wrong folder')\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="^--gin_param no_such=1: "):
        fresh_process.train_in_fresh_process("lg_s", ["no_such=1"])


def test_the_memory_of_the_process_that_starts_another_is_not_counted():
    large = np.ones(2**29, np.uint8)
    code = "from benchmarks.fresh_process import *; print(peak_resident_memory(), resident_memory())"
    ran = subprocess.run([sys.executable, "-c", code], cwd=commands.ROOT, capture_output=True, text=True, check=True)
    most, now = map(float, ran.stdout.split())
    assert 0 < now <= most + 1 < large.size / 2**20
