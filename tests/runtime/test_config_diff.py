import gin
import pytest

from tf_emcom.errors import UserError
from tf_emcom.runtime import config, config_diff


class DiffChannel:
    def __init__(self, probability=0.0, text="", extra=None, table=()):
        self.probability = probability


class DiffCore:
    def __init__(self, units=1):
        self.units = units


class DiffGame:
    def __init__(self, channel=None, core_cls=None):
        self.channel = channel
        self.core = core_cls() if core_cls else None


class DiffMode:
    def __init__(self, sizes=(16, 64)):
        self.sizes = sizes


for toy in (DiffChannel, DiffCore, DiffGame, DiffMode):
    gin.external_configurable(toy, module="diff_toys")

LONG = "a long text with 'quotes', \\\\ and \\n " * 8
GAME = f"""
noise = 0.5
mode = 'train'
never_read = 1
game = @nlg/DiffGame()
nlg/DiffGame.channel = @diff_toys.DiffChannel()
nlg/DiffGame.core_cls = @speaker/DiffCore
DiffChannel.probability = %noise
nlg/DiffChannel.text = "{LONG}"
nlg/DiffChannel.table = {{'b': [-1, 2.5e-07, (None,)], 'a': @listener/DiffCore()}}
speaker/DiffCore.units = 256
DiffMode.sizes = (8,)
"""


@pytest.fixture
def built(tmp_path):
    """Loads the text and the parameters, reads `mode` and builds `game`; returns the parameters' bindings."""

    def build(text, *params):
        (tmp_path / "run.gin").write_text(text)
        given = config.load([str(tmp_path / "run.gin")], params)
        config.macro("mode")
        config.macro("game")
        return given

    return build


@pytest.mark.parametrize("text_of", [config_diff.operative_config, config_diff.complete_config])
def test_loading_a_written_configuration_gives_it_again_byte_for_byte(built, text_of):
    built(GAME, "noise=0.25")
    text = text_of()
    built(text)
    assert text_of() == text
    assert " at 0x" not in text


def test_the_operative_configuration_holds_macros_once_references_and_defaults(built):
    built(GAME, "noise=0.25")
    lines = config_diff.operative_config().splitlines()
    assert [line for line in lines if line.startswith("noise")] == ["noise = 0.25"]
    assert "mode = 'train'" in lines
    assert "nlg/DiffChannel.probability = %noise" in lines
    assert "nlg/DiffGame.core_cls = @speaker/DiffCore" in lines
    assert "nlg/DiffChannel.extra = None" in lines
    assert "listener/DiffCore.units = 1" in lines


def test_only_the_complete_configuration_holds_what_was_not_used(built):
    built(GAME)
    assert "DiffMode.sizes" not in config_diff.operative_config()
    assert "never_read" not in config_diff.operative_config()
    assert {"DiffMode.sizes = (8,)", "never_read = 1"} <= set(config_diff.complete_config().splitlines())


@pytest.mark.parametrize("value", [object(), float("inf"), float("nan")])
def test_a_value_that_gin_cannot_write_is_refused(built, value):
    built(GAME)
    gin.bind_parameter("nlg/DiffChannel.extra", value)
    config.macro("game")
    with pytest.raises(UserError, match="nlg/DiffChannel.extra = .* cannot be written"):
        config_diff.operative_config()


def test_a_macro_that_gin_cannot_write_is_refused(built):
    built(GAME)
    gin.bind_parameter("noise/gin.macro.value", object())
    config.macro("noise")
    with pytest.raises(UserError, match="^noise = .* cannot be written"):
        config_diff.operative_config()


def unused(given):
    return [binding for binding in given if binding.key not in config_diff.used_keys()]


def test_used_parameters_are_not_reported(built):
    assert unused(built(GAME, "noise=0.1", "speaker/DiffCore.units=2", "DiffCore.units=3")) == []


def test_parameters_that_nothing_used_are_reported(built):
    given = built(GAME, "never_read=0.5", "DiffMode.sizes=(1, 2)", "mode='x'")
    assert [binding.name for binding in unused(given)] == ["never_read", "DiffMode.sizes"]


def test_a_parameter_that_a_scoped_binding_hides_is_reported(built):
    text = GAME.replace("DiffChannel.probability", "nlg/DiffChannel.probability")
    hidden = unused(built(text, "DiffChannel.probability=0.1"))
    assert [binding.name for binding in hidden] == ["DiffChannel.probability"]


def test_equal_configurations_do_not_differ_however_they_are_broken_into_lines():
    there = 'a = (1,\n  2)\nb = "x"\nC.d=@e/F()'
    assert config_diff.differences(there, "# note\nb='x'\na = (1, 2)\nC.d = \\\n  @e/F()") == []


def test_differences_name_both_sides_macros_first():
    there = "batch_size = 16\nFoo.text = 'a'\nx/Foo.size = 1"
    here = "batch_size = 64\nFoo.text = @Bar()\nFoo.new = 3"
    assert config_diff.differences(there, here) == [
        "batch_size = 16 there, 64 here",
        "Foo.new = not bound there, 3 here",
        "Foo.text = 'a' there, @Bar() here",
        "x/Foo.size = 1 there, not bound here",
    ]


def test_one_side_only_does_not_count_when_comparing_the_common_part():
    assert config_diff.differences("a = 1\nb = 2", "b = 3\nFoo.c = 4", only_common=True) == ["b = 2 there, 3 here"]


def test_a_difference_behind_a_macro_shows_once(built):
    built(GAME)
    stored = config_diff.operative_config()
    built(GAME, "noise=0.1", "mode='testchannel'")
    assert config_diff.differences(stored, config_diff.operative_config()) == ["noise = 0.5 there, 0.1 here"]


def test_names_can_be_ignored():
    assert config_diff.differences("mode = 1\nsteps = 2", "mode = 2\nsteps = 3") == ["steps = 2 there, 3 here"]
    assert config_diff.differences("mode = 1\nsteps = 2", "mode = 2\nsteps = 3", ignore=["mode", "steps"]) == []


def test_a_stored_text_that_is_not_gin_is_an_error():
    with pytest.raises(UserError, match="The stored configuration is not gin"):
        config_diff.differences("a = (1", "a = 1")
