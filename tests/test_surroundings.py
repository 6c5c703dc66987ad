"""What a user's environment has for other programs: the commands and the package work all the same."""

import json
import os
import subprocess
import sys

import pytest

from tests import commands

pytestmark = pytest.mark.processes

DRAW = """
import sys
from tf_emcom.plots import Series, draw_curves
from tf_emcom.plots import Mark
from tf_emcom.tools.report.drawing import Curve, Panel, draw
import matplotlib
before = dict(matplotlib.rcParams)
draw_curves([Series("a_b$", [0, 1], [0.1, 0.9])], "x_1 %", "y", sys.argv[1] + "/picture.png")
with open(sys.argv[1] + "/plot.svg", "w") as file:
    file.write(draw(Panel([Curve([0, 1], [0, 1], Mark("#000000", "o", "-"))], "x", "y")).svg)
assert dict(matplotlib.rcParams) == before
print(matplotlib.rcParams["text.usetex"], matplotlib.rcParams["lines.linewidth"])
"""


def python(code, *arguments, **env):
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=commands.ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_figures_are_the_same_whatever_a_matplotlibrc_says_and_leave_it_as_it_was(tmp_path):
    (tmp_path / "rc").write_text(
        "text.usetex: True\nlines.linewidth: 9\naxes.facecolor: red\nfont.size: 30\nsavefig.bbox: tight\n"
        "savefig.transparent: True\nsvg.fonttype: path\naxes.grid: True\nimage.cmap: hot\n"
    )
    (tmp_path / "empty").write_text("")
    made = {}
    for name in ("rc", "empty"):
        folder = tmp_path / f"by_{name}"
        folder.mkdir()
        ran = python(DRAW, folder, MATPLOTLIBRC=str(tmp_path / name))
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout == ("True 9.0\n" if name == "rc" else "False 1.5\n")
        made[name] = commands.snapshot(folder)
    assert made["rc"] == made["empty"] and len(made["rc"]) == 2


LAUNCH = """
from tf_emcom.runtime import launch
launch.find_libraries()
import keras, matplotlib, sys
from tf_emcom import Speaker
print(keras.config.backend(), matplotlib.get_backend(), "×")
"""


def test_commands_start_whatever_other_programs_are_set_to(tmp_path):
    (tmp_path / "keras.json").write_text(json.dumps({"backend": "torch"}))
    for env in (
        {"KERAS_BACKEND": "jax", "MPLBACKEND": "module://matplotlib_inline.backend_inline"},
        {"KERAS_HOME": str(tmp_path), "MPLBACKEND": "nonsense", "KERAS_BACKEND": ""},
    ):
        ran = python(LAUNCH, **env, PYTHONIOENCODING="ascii")
        assert (ran.returncode, ran.stdout) == (0, "tensorflow agg ?\n"), ran.stderr


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_command_starts_without_an_output(closed):
    code = f"import sys; sys.{closed} = None; from tf_emcom.runtime import launch; launch.find_libraries()"
    assert python(code).returncode == 0


def test_package_has_keras_compute_with_tensorflow(tmp_path):
    (tmp_path / "keras.json").write_text(json.dumps({"backend": "torch"}))
    code = "from tf_emcom import Speaker; import keras; print(keras.config.backend())"
    for env in ({"KERAS_BACKEND": "jax"}, {"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": ""}):
        ran = python(code, **env)
        assert (ran.returncode, ran.stdout) == (0, "tensorflow\n"), ran.stderr


def test_keras_that_was_imported_with_another_backend_gets_one_sentence():
    ran = python("import keras; import tf_emcom", KERAS_BACKEND="numpy")
    assert ran.returncode == 1
    last = ran.stderr.splitlines()[-1]
    assert last.startswith("ImportError: tf_emcom needs Keras with TensorFlow, but Keras was imported with numpy")


def test_help_is_printed_in_any_encoding():
    ran = commands.start("prepare_features", "--help", env={"PYTHONIOENCODING": "ascii"})
    assert ran.returncode == 0, ran.stderr
    assert "FOLDER/{train,valid,test}/?" in ran.stdout
