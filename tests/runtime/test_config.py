import os
import pathlib
import sys

import gin
import pytest

from tf_emcom.errors import UserError
from tf_emcom.runtime import config, early_checks, gin_tables


class ConfigChannel:
    def __init__(self, probability, symbol=None):
        if probability > 1:
            raise UserError(f"ConfigChannel.probability is {probability}: bind at most 1.")
        self.probability = probability


class ConfigCore:
    def __init__(self, *, units):
        self.units = units


class ConfigGame:
    def __init__(self, channel=None, core_cls=None, sizes=()):
        self.channel = channel
        self.core = core_cls() if core_cls else None
        self.core_cls = core_cls


class ConfigFaulty:
    def __init__(self, size):
        _needs_two(size)


class ConfigAmbiguous:
    pass


def _needs_two(size, other):
    raise AssertionError


for toy in (ConfigChannel, ConfigCore, ConfigGame, ConfigFaulty):
    gin.external_configurable(toy, module="config_toys")
for folder in ("left", "right"):
    gin.external_configurable(type("ConfigAmbiguous", (ConfigAmbiguous,), {}), name="ConfigAmbiguous", module=folder)

GAME = """
noise = 0.5
mode = 'train'
batch_size = 64
game = @nlg/ConfigGame()
nlg/ConfigGame.channel = @ConfigChannel()
nlg/ConfigGame.core_cls = @speaker/ConfigCore
nlg/ConfigChannel.probability = %noise
speaker/ConfigCore.units = 256
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a gin file below the working directory and returns its name; without text, the game's."""
    monkeypatch.chdir(tmp_path)

    def write_file(text=GAME, name="game.gin"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
        return name

    return write_file


def complaint(files, params=()):
    """The one sentence in which loading fails."""
    with pytest.raises(UserError) as raised:
        config.load(files, params)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_files_then_parameters_make_the_configuration(write):
    given = config.load([write()], [" noise =  0.25 ", "speaker/ConfigCore.units=8"])
    game = config.macro("game")
    assert (game.channel.probability, game.core.units) == (0.25, 8)
    assert [binding.name for binding in given] == ["noise", "speaker/ConfigCore.units"]


def test_loading_replaces_what_was_loaded(write):
    config.load([write()], ["noise=0.25"])
    config.load([write()], [])
    assert config.macro("noise") == 0.5


@pytest.mark.parametrize("include", ["gin/games/toy.gin", "games/toy.gin"])
def test_includes_are_found_from_any_working_directory(write, tmp_path, monkeypatch, include):
    monkeypatch.setattr(early_checks, "GIN_HOMES", (str(tmp_path / "home"),))
    write(name="home/gin/games/toy.gin")
    write(f"include '{include}'\nnoise = 0.75", name="home/gin/toy_digits.gin")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    config.load(["gin/toy_digits.gin"], [])
    assert config.macro("noise") == 0.75


def test_a_file_may_include_its_neighbour(write):
    write(name="mine/game.gin")
    config.load([write("include 'game.gin'", name="mine/top.gin")], [])
    assert config.macro("batch_size") == 64


def test_the_checkout_holds_the_gin_folder():
    assert early_checks.GIN_HOMES[0] == str(pathlib.Path(config.__file__).parents[2])


def test_blocks_are_bindings_too(write):
    config.load([write("ConfigChannel:\n  probability = 0.1\n  symbol = 2\ngame = @ConfigChannel()")], [])
    assert config.macro("game").probability == 0.1


def test_an_error_about_a_missing_file_names_the_nearest_one(write, monkeypatch):
    monkeypatch.setattr(early_checks, "GIN_HOMES", ())
    write(name="nlg_digits.gin")
    assert complaint(["nlg_digit.gin"]) == "There is no gin file nlg_digit.gin: did you mean nlg_digits.gin?"


def test_an_error_about_a_missing_file_of_the_gin_folder_names_its_path_there(write, tmp_path, monkeypatch):
    monkeypatch.setattr(early_checks, "GIN_HOMES", (str(tmp_path / "home"),))
    write(name="home/gin/games/nlg.gin")
    assert complaint(["nlgg.gin"]) == "There is no gin file nlgg.gin: did you mean gin/games/nlg.gin?"
    assert complaint(["zzz.gin"]).endswith(f"it was looked for here and in {tmp_path}/home/gin.")


def test_a_byte_order_mark_is_passed_over(write, tmp_path):
    (tmp_path / write()).write_bytes(b"\xef\xbb\xbf" + GAME.encode())
    config.load(["game.gin"], [])
    assert config.macro("batch_size") == 64


def test_a_path_that_is_no_gin_file_gets_one_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "latin.gin").write_bytes("name = 'café'".encode("latin-1"))
    (tmp_path / "gone.gin").symlink_to("nowhere.gin")
    os.mkfifo(tmp_path / "pipe.gin")
    assert complaint(["folder"]) == "folder is a folder and no gin file; name a file, such as folder/….gin."
    assert complaint(["gone.gin"]) == "gone.gin is a link to nowhere.gin, which is not there; name another file."
    assert complaint(["pipe.gin"]) == "pipe.gin is no regular file; name a gin file."
    assert complaint(["latin.gin"]).startswith("latin.gin is damaged (it is no text in UTF-8)")
    assert complaint(["https://example.org/game.gin"]).startswith("The gin file https://example.org/game.gin cannot be")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise ValueError('no GPU\\nhere')", "(ValueError: no GPU); correct it, or set PYTHONPATH to the"),
        ("import sys; sys.exit('bye')", "(SystemExit: bye)"),
        ("import not_installed_xyz", "(ModuleNotFoundError: No module named 'not_installed_xyz')"),
        ("def broken(:", "(SyntaxError: "),
    ],
)
def test_a_module_that_cannot_be_imported_is_an_error_with_the_reason(write, tmp_path, monkeypatch, body, said):
    name = f"config_broken_{abs(hash(body))}"
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / f"{name}.py").write_text(body)
    assert said in complaint([write(f"import {name}")])


def test_components_that_build_themselves_are_an_error(write):
    config.load([write("game = @ConfigGame()\nConfigGame.core_cls = @ConfigGame")], [])
    with pytest.raises(UserError, match="^ConfigGame is built of components that hold one another without end"):
        config.macro("game")


def test_a_missing_include_names_the_including_file(write):
    assert "no gin file gone_xyz.gin, which top.gin includes" in complaint([write("include 'gone_xyz.gin'", "top.gin")])


def test_a_file_that_includes_itself_is_refused(write):
    assert complaint([write("include 'loop.gin'", name="loop.gin")]) == "The gin file loop.gin includes itself."


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("noise = abc", "game.gin has a syntax error in line 2, `noise = abc`: abc is no value, and a string needs qu"),
        ("noise 0.5", "game.gin has a syntax error in line 2, `noise 0.5`: a binding is written name=value"),
        ("noise = (1,", "game.gin has a syntax error, something is not closed at its end."),
        ("foo = %nosie", "game.gin, line 2: foo uses %nosie, which nothing binds; did you mean noise?"),
        ("ConfigChanel.symbol = 1", "game.gin, line 2: there is no component ConfigChanel; did you mean ConfigChannel"),
        ("x = {'a': [@s/ConfigChanel()]}", "line 2: there is no component ConfigChanel; did you mean ConfigChannel"),
        ("ConfigChannel.symbl = 1", "line 2: ConfigChannel has no parameter symbl; did you mean symbol? "
         "(its parameters are probability, symbol)"),
        ("ConfigCore.zzzz = 1", "line 2: ConfigCore has no parameter zzzz; its parameters are units."),
        ("x = @ConfigAmbiguous()", "can mean more than one component; write left.ConfigAmbiguous or right.ConfigAmb"),
        ("import no_such_module_anywhere", "line 2: `import no_such_module_anywhere` does not work"),
        ("from __gin__ import dynamic_registration", "does not work (ModuleNotFoundError: "),
        ("noise = %noise", "line 2: noise → noise goes in a circle; bind one of them to something else."),
        ("a = %b\nb = [{'x': (1, %a)}]", "line 3: a → b → a goes in a circle; bind one of them to something else."),
        ("x = @ConfigGame()\nx/ConfigGame.channel = %x", "line 3: x → x/ConfigGame.channel → x goes in a circle"),
        ("ConfigGame.channel = @ConfigGame()", "ConfigGame.channel → ConfigGame.channel goes in a circle"),
        ("x = @gin.constant()", "line 2: there is no component gin.constant; "),
        (f"x = {'(' * 5000}{')' * 5000}", "game.gin has a syntax error, it is nested too deep."),
    ],
)
def test_an_error_about_a_file_names_the_line(write, line, said):
    write("noise = 0.5", name="noise.gin")
    assert said in complaint([write(f"include 'noise.gin'\n{line}\n")])


@pytest.mark.parametrize(
    ("param", "said"),
    [
        ("nosie=0.5", "no gin file binds a macro nosie; did you mean noise? (known: batch_size, game, mode, noise)"),
        ("zzzzz=1", "no gin file binds a macro zzzzz; the known ones are batch_size, game, mode, noise."),
        ("batch_size=abc", "abc is no value, and a string needs quotes, as in 'batch_size=\"abc\"'."),
        ("mode=testchannel", "a string needs quotes, as in 'mode=\"testchannel\"'."),
        ("noise=0,5", "a binding is written name=value, with strings in quotes."),
        ("noise", "a binding is written name=value, with strings in quotes."),
        ("noise=0.5\nmode='x'", "a binding is written name=value, with strings in quotes."),
        ("import os", "a binding is written name=value, with strings in quotes."),
        ("noise=(1,", "a binding is written name=value, with strings in quotes."),
        ("", "a binding is written name=value, with strings in quotes."),
        ("noise=" + "[" * 5000 + "]" * 5000, "the value is nested too deep; bind a flatter one."),
        ("noise=true", "true is no value; write noise=True."),
        ("nlg/ConfigGame.core_cls=ConfigCore", "ConfigCore is a component, which is written with an @, as in "
         "'nlg/ConfigGame.core_cls=@speaker/ConfigCore'."),
        ("nlg/ConfigGame.channel=ConfigChannel", "as in 'nlg/ConfigGame.channel=@ConfigChannel()'."),
        ("ConfigGame.core_cls=other/ConfigCore", "as in 'ConfigGame.core_cls=@other/ConfigCore'."),
        ("noise=%nosie", "noise uses %nosie, which nothing binds; did you mean noise?"),
        ("game=@nlg/ConfgGame()", "there is no component ConfgGame; did you mean ConfigGame"),
        ("ConfgGame.sizes=()", "there is no component ConfgGame; did you mean ConfigGame"),
        ("ConfigGame.size=()", "ConfigGame has no parameter size; did you mean sizes?"),
        ("ConfigAmbiguous.size=()", "write left.ConfigAmbiguous or right.ConfigAmbiguous."),
        ("spaeker/ConfigCore.units=1", "no gin file uses a scope spaeker; did you mean speaker? (known: nlg, speaker)"),
        ("game/ConfigGame.sizes=()", "no gin file uses a scope game; the known ones are nlg, speaker."),
    ],
)
def test_an_error_about_the_command_line_names_the_binding(write, param, said):
    sentence = complaint([write()], [param])
    assert sentence.startswith("--gin_param") and said in sentence


def test_scopes_that_the_command_line_itself_introduces_are_known(write):
    config.load([write()], ["game=@other/ConfigGame()", "other/ConfigGame.sizes=(1, 2)"])
    assert config.macro("game").channel is None


def test_outer_parts_of_a_scope_are_known(write):
    config.load([write("game = @a/b/ConfigCore()\na/b/ConfigCore.units = 1")], ["a/ConfigCore.units=2"])
    assert config.macro("game").units == 1


def test_unscoped_references_are_built_in_the_scope_of_what_holds_them(write):
    config.load([write()], [])
    assert config.macro("game").channel.probability == 0.5


def test_scoped_references_leave_the_scope_of_what_holds_them(write):
    config.load([write(GAME + "nlg/ConfigGame.channel = @far/ConfigChannel()")], [])
    with pytest.raises(UserError, match="bind far/ConfigChannel.probability in gin"):
        config.macro("game")


def test_what_a_macro_holds_is_built_in_the_scope_of_its_name(write):
    text = "channel = @ConfigChannel()\ngame = @nlg/ConfigGame()\nnlg/ConfigGame.channel = %channel\n"
    config.load([write(text + "nlg/ConfigChannel.probability = 0.1")], ["channel/ConfigChannel.probability=0.2"])
    assert config.macro("game").channel.probability == 0.2


def test_an_unscoped_class_reference_forgets_the_scope_once_its_holder_is_built(write):
    text = "game = @nlg/ConfigGame()\nnlg/ConfigGame.core_cls = @ConfigCore\nnlg/ConfigCore.units = 3"
    config.load([write(text)], [])
    game = config.macro("game")
    assert game.core.units == 3
    with pytest.raises(UserError, match="bind ConfigCore.units in gin"), config.plain_errors():
        game.core_cls()


def test_a_macro_has_a_default_or_is_missing(write):
    config.load([write()], ['mode="testchannel"'])
    assert config.macro("mode") == "testchannel"
    assert config.macro("checkpoint", None) is None
    with pytest.raises(UserError, match="A value for checkpoint is missing"):
        config.macro("checkpoint")


def test_each_reading_of_a_macro_builds_its_value_again(write):
    config.load([write()], [])
    assert config.macro("game") is not config.macro("game")


def test_a_user_error_in_a_nested_constructor_keeps_only_its_sentence(write):
    config.load([write()], ["noise=2"])
    with pytest.raises(UserError) as raised:
        config.macro("game")
    assert str(raised.value) == "ConfigChannel.probability is 2: bind at most 1."


def test_the_original_message_is_recovered_from_any_depth(write):
    config.load([write()], ["noise=2"])
    with pytest.raises(UserError, match="In call to configurable") as raised:
        gin.get_configurable("nlg/ConfigGame")()
    assert str(gin_tables.original(raised.value)) == "ConfigChannel.probability is 2: bind at most 1."
    error = KeyError("a")
    assert gin_tables.original(error) is error


def test_an_error_about_a_missing_value_names_the_binding_it_needs(write):
    config.load([write("game = @nlg/ConfigGame()\nnlg/ConfigGame.core_cls = @speaker/ConfigCore")], [])
    with pytest.raises(UserError) as raised:
        config.macro("game")
    assert str(raised.value) == "ConfigCore needs a value for units: bind speaker/ConfigCore.units in gin."


def test_what_breaks_in_a_constructor_is_a_sentence_that_keeps_its_cause(write):
    config.load([write("game = @ConfigFaulty()\nConfigFaulty.size = 1")], [])
    with pytest.raises(UserError, match="ConfigFaulty cannot be built .*_needs_two") as raised:
        config.macro("game")
    assert isinstance(raised.value.__cause__, TypeError)


def test_modules_imported_by_a_gin_file_can_bring_components(write, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "config_extra_toys.py").write_text("import gin\n@gin.register\nclass ConfigExtra: ...\n")
    config.load([write("import config_extra_toys\ngame = @ConfigExtra()")], [])
    assert type(config.macro("game")).__name__ == "ConfigExtra"
    del sys.modules["config_extra_toys"]


def test_a_component_used_above_its_import_is_refused(write, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "config_late_toys.py").write_text("import gin\n@gin.register\nclass ConfigLate: ...\n")
    assert "ConfigLate is used above" in complaint([write("game = @ConfigLate()\nimport config_late_toys")])
    del sys.modules["config_late_toys"]
