"""What a user meets on the command line before anything heavy is imported."""

import subprocess
import sys

import pytest

import tf_emcom
from tests import commands
from tf_emcom import errors
from tf_emcom.commands import COMMANDS
from tf_emcom.runtime import catalogue, config, early_checks

GIN = ["gin/nlg_digits.gin"]
HEAVY = ("tensorflow", "keras", "numpy", "scipy", "matplotlib", "gin")


def imported_by(*arguments):
    """The exit status, what is printed, and which heavy libraries were imported."""
    code = (
        "import sys\nfrom tf_emcom.__main__ import main\n"
        f"try: main({list(arguments)!r})\nexcept SystemExit as end: print('status', end.code)\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=commands.ROOT, capture_output=True, text=True, timeout=60)
    return done.stdout, done.stderr


@pytest.mark.processes
@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_imports_nothing_heavy(command):
    shown, complaints = imported_by(*filter(None, (command, "--help")))
    assert shown.endswith("[]\n") and not complaints
    assert ("--" + "gin_param" in shown) or command in ("", "analyse", "report", "prepare-features", "components")


MISTAKES = {
    "flag": (["train", "--gin_fil=x"], "Unknown command line flag 'gin_fil'. Did you mean: gin_file"),
    "macro as a flag": (["train", "--gin_file=gin/nlg_digits.gin", "--steps=9"], "is written --gin_param=steps=9"),
    "command": (["trian"], "There is no command 'trian'; did you mean train?"),
    "missing": (["train"], "--gin_file is missing"),
    "macro": (["train", "--gin_file=gin/nlg_digits.gin", "--gin_param=noize=1"], "no gin file binds a macro noize"),
}


@pytest.mark.processes
@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_sentence_before_anything_heavy_is_imported(case):
    arguments, sentence = MISTAKES[case]
    shown, complaints = imported_by(*arguments)
    assert shown == "status 2\n[]\n"
    assert complaints.startswith("Error: ") and sentence in complaints and complaints.count("\n") == 1


WRONG_NAMES = {
    "noize=0.5": "no gin file binds a macro noize; did you mean noise?",
    "learning_rate=1e-3": "did you mean speaker/Adam.learning_rate or listener/Adam.learning_rate?",
    "Speakr.core_cls=@GruCore": "there is no component Speakr; did you mean Speaker",
    "Speaker.core_cls=@speaker/GruCor": "there is no component GruCor; did you mean GruCore",
    "speaker/Adam.learnig_rate=1": "Adam has no parameter learnig_rate; did you mean learning_rate?",
    "Speaker.mesage_length=3": "Speaker has no parameter mesage_length; did you mean message_length?",
}


@pytest.mark.parametrize("given", WRONG_NAMES)
def test_a_wrong_name_is_found_early_with_the_sentence_of_the_full_check(given):
    with pytest.raises(errors.UserError) as early:
        early_checks.refuse_unknown_names(GIN, [given])
    assert WRONG_NAMES[given] in str(early.value)
    catalogue.register_components()
    with pytest.raises(errors.UserError) as late:
        config.load(GIN, [given])
    # The full check also suggests classes that have no public name.
    first_name, other = (str(raised.value).partition("?")[0].partition(" or ")[0] for raised in (early, late))
    assert first_name == other


RIGHT_NAMES = [
    *("noise=0.25", "Speaker.core_cls=@speaker/GruCore", "speaker/Adam.learning_rate=1e-3", "Log.every=5"),
    *("TestChannel.candidates=(16,)", "TestChannel.noises=[0.0]", "noise/LinearRamp.steps=5"),
    *("nlg/Game.channel=@Substitution()", "Mlp.widths=[3]", "AttentionCore.name='x'", "game=@nlg/Game()"),
]


@pytest.mark.parametrize("given", RIGHT_NAMES)
def test_what_may_be_right_is_left_to_the_full_check(given):
    early_checks.refuse_unknown_names(GIN, [given])


def test_names_of_a_users_own_module_are_left_to_the_full_check(tmp_path):
    (tmp_path / "mine.gin").write_text("import my_lab\ninclude 'gin/nlg_digits.gin'\n")
    early_checks.refuse_unknown_names([str(tmp_path / "mine.gin")], ["Whisper.loud=1", "anything=2"])


def test_a_missing_gin_file_is_left_to_the_full_check():
    early_checks.refuse_unknown_names(["gin/nowhere.gin"], ["anything=2"])


def test_every_parameter_that_a_class_has_is_known_early():
    catalogue.register_components()
    for name in tf_emcom.__all__:
        known = early_checks._parameters(name) if isinstance(getattr(tf_emcom, name), type) else None
        if known is not None:
            assert set(catalogue.parameters(getattr(tf_emcom, name))[0]) <= {*known}, name


@pytest.mark.processes
def test_a_component_is_described_with_its_parameters():
    shown = commands.start("components", "TestChannel", "@Erasure()").stdout
    assert "TestChannel(noises=(0.0, 0.25, 0.5, 0.75), candidates=(16, 64, 256, 1024, 4096)" in shown
    assert "numbers of candidates, C" in shown and "Each symbol independently becomes UNK" in shown
    missing = commands.start("components", "Erasur")
    assert missing.returncode == 2 and "did you mean Erasure" in missing.stderr


@pytest.mark.processes
def test_every_component_is_listed_with_a_line():
    shown = commands.start("components").stdout
    for name in ("Erasure(probability)", "Speaker(vocab_size=20", "TestTopsim(", "ImitationOfBest("):
        assert f"\n  {name}" in shown
