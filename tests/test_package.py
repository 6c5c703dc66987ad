"""What the package hands out by itself."""

import importlib.metadata
import inspect
import subprocess
import sys

import pytest

import tf_emcom
from tests import commands
from tf_emcom.agents.speaker import Speaker
from tf_emcom.runtime import catalogue, gin_tables


@pytest.mark.processes
def test_importing_the_package_imports_no_library():
    code = "import sys, tf_emcom; print([n for n in ('tensorflow', 'keras', 'numpy', 'gin') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=commands.ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_name_is_of_the_module_that_defines_it():
    assert {name: getattr(tf_emcom, name).__module__ for name in tf_emcom.__all__} == tf_emcom._MODULE_OF
    assert set(tf_emcom.__all__) <= set(dir(tf_emcom))


# What commands make by themselves.
INNER = {
    *("Cache", "Column", "ColumnWriter", "Orders", "TfdsSplit", "Runner", "WeightStack"),
    *("ChoosingModule", "PredictingModule"),
    *("ExportedListener", "ExportedSpeaker", "ExportedTransfer"),
}


def test_every_component_is_handed_out_by_its_name():
    catalogue.register_components()
    wrapped = {entry.name: entry.wrapped for entry in gin_tables.components()}
    ours = {name for name, cls in wrapped.items() if cls.__module__.startswith("tf_emcom.")}
    assert ours - set(tf_emcom.__all__) == INNER, "list a new class in _OFFERED of tf_emcom/__init__.py"


@pytest.mark.processes
def test_all_names_can_be_imported_at_once():
    code = "from tf_emcom import *; print(Speaker.__name__, UserError.__name__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=commands.ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "Speaker UserError\n"


def test_version_is_that_of_the_distribution():
    assert importlib.metadata.version("tf_emcom") == tf_emcom.__version__


@pytest.mark.parametrize("name", "Trainer Learner Game Population OneDevice Digits Order Pipeline Listener".split())
def test_what_a_notebook_needs_besides_is_handed_out(name):
    cls = getattr(tf_emcom, name)
    assert inspect.isclass(cls) and cls.__module__.startswith("tf_emcom.")


def test_imports_by_name_are_the_same_class():
    from tf_emcom import Speaker as handed_out

    assert handed_out is Speaker


@pytest.mark.parametrize("name", ["Spaeker", "speaker", "__wrapped__", "LEAST"])
def test_what_is_not_there_is_an_attribute_error(name):
    with pytest.raises(AttributeError, match=f"no attribute {name!r}"):
        getattr(tf_emcom, name)


def test_modules_are_found_as_ever():
    from tf_emcom import files

    assert inspect.ismodule(files)
