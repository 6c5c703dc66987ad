import abc
import importlib
import sys

import gin
import keras
import pytest
import tensorflow as tf

from tf_emcom.errors import UserError, nearest, suggest
from tf_emcom.runtime import catalogue, gin_tables

MODULE = '''
import abc, enum
from typing import NamedTuple, Protocol
from {package}.rooms_base import {prefix}Imported

class {prefix}Base(abc.ABC):
    @abc.abstractmethod
    def act(self): ...

class {prefix}Whole({prefix}Base):
    def __init__(self, size=1):
        self.size = size
    def act(self): ...

class {prefix}Named({prefix}Whole, abc.ABC):
    """Nothing of it is abstract to Python, and yet it is there only to be derived from."""

class _{prefix}Private: ...
class {prefix}Record(NamedTuple):
    a: int
class {prefix}Error(Exception): ...
class {prefix}Like(Protocol): ...
class {prefix}Kind(enum.Enum):
    A = 1
'''


class CataloguePlain:
    def __init__(self, size, *, shape=(1,)):
        self.size = size


class CatalogueEmpty:
    pass


class CatalogueOpen:
    def __init__(self, size, **others):
        self.others = others


class CatalogueModel(keras.Model):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(units)

    def call(self, inputs):
        return self.dense(inputs)


class CatalogueModule(tf.Module):
    def __init__(self, units, name=None):
        super().__init__(name)
        self.weights = tf.Variable(tf.zeros([units]))


for toy in (CataloguePlain, CatalogueEmpty, CatalogueOpen, CatalogueModel, CatalogueModule):
    gin.external_configurable(toy, module="catalogue_toys")


@pytest.fixture
def package(tmp_path, monkeypatch, request):
    """Writes a package of the given files and names it; a file's text may say {package} and {prefix}."""
    name = "plugged_" + request.node.name.removeprefix("test_")[:40]
    prefix = "".join(part.title() for part in name.split("_"))
    monkeypatch.syspath_prepend(tmp_path)

    def write(**files):
        for path, text in files.items():
            file = tmp_path.joinpath(name, *path.split("__")).with_suffix(".py")
            file.parent.mkdir(parents=True, exist_ok=True)
            for folder in [file.parent, *file.parent.parents]:
                if folder == tmp_path:
                    break
                (folder / "__init__.py").touch()
            file.write_text(text.format(package=name, prefix=prefix))
        importlib.invalidate_caches()
        return name, prefix

    yield write
    for module in [module for module in sys.modules if module.split(".")[0] == name]:
        del sys.modules[module]


def test_every_public_concrete_class_of_a_module_is_registered_and_nothing_else(package):
    name, prefix = package(rooms_base="class {prefix}Imported: ...", channels__loud=MODULE)
    catalogue.register_components(name, ["channels"])
    assert [each.name for each in gin_tables.components() if prefix in each.name] == [f"{prefix}Whole"]
    assert [entry.selector for entry in gin_tables.matching(f"{prefix}Whole")] == [f"channels.loud.{prefix}Whole"]


def test_deep_packages_and_single_modules_are_walked_too(package):
    name, prefix = package(heads__speaker__quiet="class {prefix}Quiet: ...", trainer="class {prefix}Trainer: ...")
    catalogue.register_components(name, ["heads", "trainer"])
    assert [entry.selector for entry in gin_tables.matching(f"{prefix}Quiet")] == [f"heads.speaker.quiet.{prefix}Quiet"]
    assert [entry.selector for entry in gin_tables.matching(f"{prefix}Trainer")] == [f"trainer.{prefix}Trainer"]


def test_registering_again_adds_only_what_is_new(package):
    name, prefix = package(channels__first="class {prefix}First: ...")
    catalogue.register_components(name, ["channels"])
    first = gin.get_configurable(f"{prefix}First")
    package(channels__second="class {prefix}Second: ...")
    catalogue.register_components(name, ["channels"])
    assert gin.get_configurable(f"{prefix}First") is first
    assert gin_tables.matching(f"{prefix}Second")


def test_two_classes_of_one_name_are_refused_by_both_places(package):
    name, prefix = package(channels__one="class {prefix}Twin: ...", tasks__two="class {prefix}Twin: ...")
    with pytest.raises(UserError) as raised:
        catalogue.register_components(name, ["channels", "tasks"])
    twins = f"{name}.tasks.two.{prefix}Twin has the name of another component, {name}.channels.one.{prefix}Twin"
    assert twins in str(raised.value)


def test_an_import_error_in_a_plug_in_is_not_swallowed(package):
    name, _ = package(channels__broken="import no_such_module_anywhere")
    with pytest.raises(ImportError, match="no_such_module_anywhere"):
        catalogue.register_components(name, ["channels"])


def test_parameters_are_those_of_the_constructor():
    assert list(catalogue.parameters(CataloguePlain)[0]) == ["size", "shape"]
    assert catalogue.parameters(CatalogueEmpty) == ({}, False)
    assert catalogue.parameters(CatalogueOpen)[1] is True


def test_parameters_that_keras_takes_further_up_are_known_and_others_are_not():
    known, takes_others = catalogue.parameters(CatalogueModel)
    assert {"units", "name", "dtype", "trainable"} <= set(known)
    assert not takes_others and "kwargs" not in known


def test_a_keras_model_built_by_gin_is_the_class_itself_and_tracks_its_variables():
    gin.parse_config("scope/CatalogueModel.units = 3\nCataloguePlain.size = @scope/CatalogueModel()")
    model = gin.get_configurable(CataloguePlain)().size
    model(tf.ones([2, 4]))
    assert type(model) is CatalogueModel
    assert [tuple(variable.shape) for variable in model.trainable_variables] == [(4, 3), (3,)]


def test_a_tf_module_built_from_a_class_reference_is_the_class_itself_and_tracks_its_variables():
    gin.parse_config("scope/CatalogueModule.units = 3\nCataloguePlain.size = @scope/CatalogueModule")
    module = gin.get_configurable(CataloguePlain)().size()
    assert type(module) is CatalogueModule
    assert len(module.trainable_variables) == 1


class CatalogueFamily(abc.ABC):  # noqa: B024 its subclasses need no method
    pass


def test_plug_ins_are_named_by_their_words_and_two_of_one_name_are_refused(package):
    text = f"import sys\nclass NearThing(sys.modules[{__name__!r}].CatalogueFamily): ..."
    name, _ = package(first=text, second=text)
    first = importlib.import_module(f"{name}.first").NearThing
    assert catalogue.plug_ins(CatalogueFamily, separator="_") == {"near_thing": first}
    importlib.import_module(f"{name}.second")
    with pytest.raises(UserError, match=rf"{name}.first.NearThing and {name}.second.NearThing have the same name"):
        catalogue.plug_ins(CatalogueFamily)


def test_suggestions_ignore_case_and_fall_back_to_all_names():
    assert nearest("erasre", ["Erasure", "Clear"]) == "Erasure"
    assert suggest("zzz", ["b", "a"]) == "the known ones are a, b."
    assert suggest("zzz", []) == "there is none at all."
