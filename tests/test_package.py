"""What the package hands out by itself."""

import inspect
import subprocess
import sys

import pytest

import tf_emcom
from tests import commands
from tests.contracts.discovery import plug_ins
from tf_emcom.agents.speaker import Speaker


def test_importing_the_package_imports_no_library():
    code = "import sys, tf_emcom; print([n for n in ('tensorflow', 'keras', 'numpy', 'gin') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=commands.ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("cls", plug_ins().values(), ids=lambda cls: cls.__name__)
def test_every_plug_in_is_handed_out_by_its_name(cls):
    assert getattr(tf_emcom, cls.__name__) is cls
    assert cls.__name__ in dir(tf_emcom)


@pytest.mark.parametrize("name", "Trainer Learner Game Population OneDevice Digits Order Pipeline Listener".split())
def test_what_a_notebook_needs_besides_is_handed_out(name):
    cls = getattr(tf_emcom, name)
    assert inspect.isclass(cls) and cls.__module__.startswith("tf_emcom.")


def test_imports_by_name_are_the_same_class():
    from tf_emcom import Speaker as handed_out

    assert handed_out is Speaker


@pytest.mark.parametrize("name", ["Spaeker", "speaker", "__wrapped__", "Speech"])
def test_what_is_not_there_is_an_attribute_error(name):
    with pytest.raises(AttributeError, match=f"no attribute {name!r}"):
        getattr(tf_emcom, name)


def test_name_that_two_files_have_is_left_out():
    # A class in preflight/report.py and one in benchmarks/report.py.
    assert not hasattr(tf_emcom, "Report")


def test_modules_are_found_as_ever():
    from tf_emcom import launch

    assert inspect.ismodule(launch)
