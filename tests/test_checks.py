"""Every constructor takes what its annotations say, and answers anything else with one sentence."""

import inspect
import math
import types
import typing
from collections.abc import Sequence
from pathlib import Path

import gin
import numpy as np
import pytest

import tf_emcom
from tf_emcom.agents.speaker import Speaker
from tf_emcom.checks import Repeats
from tf_emcom.errors import UserError
from tf_emcom.games.rewards import Success
from tf_emcom.runtime import catalogue, gin_tables

catalogue.register_components()

# Registered like everything that is public in its room, but made by the library alone.
INTERNAL = {
    *("Rows", "TfdsSplit", "ChoosingModule", "ExportFolder", "ExportedListener", "ExportedModule", "ExportedSpeaker"),
    *("PredictingModule", "WeightStack", "Cache", "Column", "ColumnWriter", "Packing", "Members", "RunningSuccess"),
    *("Runner", "GreedyGames"),
}
PLAIN = {
    int: ["8", 8.5, True, [8], None, math.nan],
    float: ["0.5", True, [0.5], None, math.nan, math.inf, 10**400],
    str: [5, ["text"], None, True],
    bool: ["yes", 1, None],
    type(None): ["none", 5.5, object()],
}
# Of none of the other kinds: objects of a family, classes of a family, lists, dictionaries, arrays.
OTHER = [object(), "text", b"bytes", None, True, int, lambda: None]


def members(hint):
    if typing.get_origin(hint) is typing.Annotated:
        return members(typing.get_args(hint)[0])
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return [each for part in typing.get_args(hint) for each in members(part)]
    return [hint]


def wrong_values(hint):
    kinds = members(hint)
    callables = any("Callable" in str(kind) for kind in kinds)
    refused = []
    for value in [value for kind in kinds for value in PLAIN.get(kind, OTHER)] + [object()]:
        allowed = (
            (value is None and type(None) in kinds)
            or (isinstance(value, str) and str in kinds)
            or (isinstance(value, float) and math.isfinite(value) and float in kinds)
            or (type(value) is int and value == 5 and (int in kinds or float in kinds))
            or (callables and inspect.isfunction(value))
        )
        if not allowed:
            refused.append(value)
    return refused


def parameters_of(component):
    """Name ↦ hint of the parameters of a component whose values are checked."""
    for base in component.__mro__:
        if base.__module__.startswith("tf_emcom.") and "__init__" in vars(base):
            hints = typing.get_type_hints(vars(base)["__init__"], include_extras=True)
            return {name: hint for name, hint in hints.items() if name != "return" and hint is not typing.Any}
    return {}


def cases():
    for entry in sorted(gin_tables.components(), key=lambda entry: entry.selector):
        if entry.name not in INTERNAL and (parameters := parameters_of(entry.wrapped)):
            yield pytest.param(entry.wrapped, parameters, id=entry.selector)


@pytest.mark.parametrize(("component", "parameters"), cases())
def test_a_wrong_argument_gets_one_sentence(component, parameters):
    for name, value in ((name, value) for name, hint in parameters.items() for value in wrong_values(hint)):
        with pytest.raises(UserError) as refusal:
            component(**{name: value})
        sentence = str(refusal.value)
        assert sentence.startswith(f"{component.__name__}.{name} is ")
        assert sentence.endswith(".")
        assert "\n" not in sentence


def test_every_parameter_of_a_component_says_what_it_takes():
    made = [entry.wrapped for entry in gin_tables.components()]
    # Other tests may have made components of their own.
    made = [cls for cls in made if cls.__module__.startswith("tf_emcom.")]
    parameters = [(cls.__name__, each) for cls in made for each in catalogue.parameters(cls)[0].values()]
    assert len(parameters) > 200
    assert [(name, each.name) for name, each in parameters if each.annotation is each.empty] == []


class OwnReward(Success):
    """Somebody's plug-in."""

    def __init__(self, sizes: Sequence[int], share: float = 0.5, path: str = "", most: Repeats | None = None) -> None:
        super().__init__()
        self.given = sizes, share, path, most


def test_a_plug_in_is_checked_and_gets_numbers_of_python():
    sizes, share, path, most = OwnReward(np.arange(1, 3), np.float32(0.25), Path("runs"), most=np.int16(7)).given
    assert (sizes, share, path, most) == ((1, 2), 0.25, "runs", 7)
    assert [type(value) for value in (*sizes, share, path, most)] == [int, int, float, str, int]
    with pytest.raises(UserError, match=r"OwnReward.sizes is \[1, 'b'\], but it has to be a list"):
        OwnReward([1, "b"])


def test_a_whole_number_beyond_64_bits_is_refused_for_its_size():
    with pytest.raises(UserError, match="vocab_size is 10*, which needs more than 64 bits; give a smaller number"):
        Speaker(10**30, 2)


def test_missing_and_unknown_arguments_are_those_of_python():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'sizes'"):
        OwnReward()
    with pytest.raises(TypeError, match="unexpected keyword argument 'shrae'"):
        OwnReward([], shrae=0.5)


def test_work_of_days_is_refused_unless_it_is_meant(monkeypatch):
    with pytest.raises(UserError, match="OwnReward.most is 65536, which would take days .*TF_EMCOM_NO_LIMITS=1"):
        OwnReward([], most=65536)
    monkeypatch.setenv("TF_EMCOM_NO_LIMITS", "1")
    assert OwnReward([], most=65536).given[-1] == 65536


@pytest.mark.parametrize("name", ["TestInput", "TestTopsim"])
def test_tests_and_populations_have_limits(name):
    cls = getattr(tf_emcom, name)
    with pytest.raises(UserError, match=f"{name}.passes is 65536, which would take days"):
        cls(passes=65536)


def test_sentences_are_in_terms_of_gin_where_gin_is_used():
    gin.bind_parameter("Success.win", 1.0)
    with pytest.raises(UserError, match=r"as in @Identity, without parentheses"):
        Speaker(torso_cls=5)
    gin.clear_config()
    with pytest.raises(UserError, match=r"as in Identity, without parentheses"):
        Speaker(torso_cls=5)
