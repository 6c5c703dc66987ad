import pytest

from tests.tools.report import folders
from tf_emcom.plots import mark
from tf_emcom.tools.report.run import Run, distinct_names


def made(path, **how):
    return Run(str(folders.write(path, **how)), "run", mark(0))


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["/a/b/c"], ["c"]),
        (["/a/one", "/b/two"], ["one", "two"]),
        (["/a/x/run", "/b/x/run"], ["a/x/run", "b/x/run"]),
        (["gs://a/run/", "/b/run"], ["a/run", "b/run"]),
    ],
)
def test_names_are_as_long_as_needed(paths, names):
    assert distinct_names(paths) == names


def test_bindings_are_those_of_the_text(tmp_path):
    run = made(tmp_path / "run", config=folders.CONFIG + "A.text = 'x = 1 there, 2'\nB.b = %steps\nC.c = @D()\n")
    assert run.bindings["A.text"] == "'x = 1 there, 2'"
    assert (run.bindings["steps"], run.setting("B.b"), run.setting("C.c")) == ("40", "40", "@D()")
    assert run.setting("nobody.knows") == ""


def test_a_macro_that_names_itself_ends(tmp_path):
    assert made(tmp_path / "run", config=folders.CONFIG + "a = %b\nb = %a\n").setting("a") in ("%a", "%b")


def test_chance_is_one_of_the_candidates(tmp_path):
    assert made(tmp_path / "sixteen").chance == 1 / 16
    whole_batch = folders.CONFIG.replace("distractors = 15", "distractors = None")
    assert made(tmp_path / "batch", config=whole_batch).chance == 1 / 64
    assert made(tmp_path / "groups", config=whole_batch + "Discrimination.groups = 4\n").chance == 4 / 64
    assert made(tmp_path / "naming", config=folders.NAMING).chance is None
    assert made(tmp_path / "transfer", config=folders.TRANSFER).chance is None
