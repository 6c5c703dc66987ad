"""Preflights with the real TPU compiler, on this machine, which has no TPU."""

import json
import sys

import pytest

from tests import commands
from tf_emcom.errors import UserError
from tf_emcom.tools.preflight.findings import Refused
from tf_emcom.tools.preflight.preflight import preflight
from tf_emcom.tools.preflight.step import UntrainedSpeaker

pytestmark = pytest.mark.tpu_compiler

GIN = commands.ROOT / "gin"
# Short messages of few games: what is compiled is the same, but in seconds.
GAME = ("message_length=2", "batch_size=64")
TRANSFER = ("message_length=2", "games=64", "games_of_many=64")
# Pictures of 16 pixels a side.
SMALL = ("ImageDecoder.channels=(8, 8)", "RandomFeatures.image_side=16")
TASKS = sorted(file.stem for file in (GIN / "tasks").glob("*.gin"))


def compiled(files, params, **flags):
    files = [str(GIN / f"{file}.gin") for file in files]
    usual = {"topology": "v5e:2x2", "replicas": 1, "features": 2048, "allow_unused": True}
    return preflight(files, list(params), **{**usual, **flags})


@pytest.mark.parametrize("game", ["nlg_imagenet", "lg_s_imagenet"])
def test_a_game_compiles_and_its_arithmetic_is_what_the_compiler_counts(game):
    report = compiled([game], GAME)
    work = report.traffic.work
    assert work.products + work.elementwise == pytest.approx(report.compiled.operations, rel=0.03)
    # Few games: little more is moved than every weight, with its average and the optimiser's slots, in and out.
    assert 2 * report.step.weight_bytes < report.traffic.moved < 2.5 * report.step.weight_bytes
    assert report.compiled.reused >= report.step.weight_bytes
    assert not report.traffic.unknown_loops
    assert (report.slow["gather"], report.slow["sort"], report.slow["while"]) == (0, 0, 0)
    assert any("tf_emcom/agents/nets/recurrent.py" in each.place for each in report.lines)


@pytest.mark.parametrize("task", TASKS)
def test_a_transfer_task_compiles_without_a_trained_speaker(task):
    # The control needs the source of another speaker.
    control = ["TransferLearner.speaker_source=@ShuffledSpeaker()"] if task == "attribute" else []
    report = compiled(["etl_imagenet", f"tasks/{task}"], [*TRANSFER, *SMALL, *control])
    work = report.traffic.work
    assert work.products + work.elementwise == pytest.approx(report.compiled.operations, rel=0.03)
    assert report.fits


def test_replicas_share_the_games_and_the_report_shows_it(tmp_path):
    report = compiled(["lg_s_imagenet"], GAME, topology="v4:2x2x1", replicas=None)
    assert (report.setting.replicas, report.step.local_games, report.step.candidate_bytes) == (4, 16, 64 * 2048 * 4)
    assert report.roofline.collectives > 0
    text = report.text()
    for word in ("4 replicas", "GFLOP", "HBM traffic", "temporaries", "bound by", "games/s", "s64", "no TPU ran"):
        assert word in text
    report.write(tmp_path / "report.json")
    numbers = json.loads((tmp_path / "report.json").read_text())
    assert numbers["hbm_bytes"] == report.traffic.moved
    assert numbers["is_measured"] is False


def test_a_turn_of_a_population_is_compiled_and_its_stacks_are_counted():
    tiny = ["speaker/LstmCore.units=16", "listener/LstmCore.units=16", "Cpc.size=16"]
    several = ["n_speakers=3", "n_listeners=2", "pairs_per_step=2"]
    report = compiled(["lg_s_imagenet"], [*GAME, *tiny, *several], features=64)
    assert report.step.turns == 2
    assert (3, 64, 32) in report.step.stacks
    assert "whole stacks of agents written to HBM" in report.text()


def test_what_does_not_fit_is_refused_in_a_sentence_and_exits_with_1():
    ran = commands.start(
        "preflight", "--gin_file=gin/lg_s_imagenet.gin", "--features=2048", "--replicas=1",
        params=["message_length=1", "batch_size=131072"],
    )  # fmt: skip
    assert ran.returncode == 1, ran
    assert "Traceback" not in ran.stderr
    assert "does not fit" in ran.stderr
    assert "15.75GB" in ran.stderr


def test_an_op_that_tpus_lack_is_reported_with_the_line_that_made_it_and_exits_with_1(tmp_path):
    channel = commands.ROOT / "tests" / "tools" / "preflight" / "python_channel.py"
    (line,) = [i for i, text in enumerate(channel.read_text().splitlines(), 1) if "looked for" in text]
    configuration = tmp_path / "python.gin"
    configuration.write_text(
        f"import tests.tools.preflight.python_channel\ninclude '{GIN / 'lg_s_imagenet.gin'}'\n"
        "lg_s/Game.channel = @PythonChannel()\n"
    )
    ran = commands.start(
        "preflight", f"--gin_file={configuration}", "--features=64", "--replicas=1", params=GAME,
        env={"PYTHONPATH": str(commands.ROOT)},
    )  # fmt: skip
    assert ran.returncode == 1, ran
    assert "EagerPyFunc" in ran.stderr
    assert f"tests/tools/preflight/python_channel.py:{line}" in ran.stderr


def test_without_jax_the_error_says_how_to_install_it(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] in ("jax", "jaxlib")]:
        monkeypatch.delitem(sys.modules, name)
    # What Python does where a module is not installed.
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(UserError, match=r"pip install 'tf_emcom\[preflight\]'"):
        compiled(["lg_s_imagenet"], GAME, features=64)


MISTAKES = {
    "a topology that the compiler does not know": ({"topology": "v5e:3x7"}, "knows no topology"),
    "a chip that there is not": ({"topology": "v1:2x2"}, "v5e:2x2 or v4:2x2x1"),
    "a batch that cannot be shared": ({"replicas": 3}, "multiple of 3"),
    "no replica": ({"replicas": 0}, "--replicas is 0"),
    "no feature": ({"features": 0}, "--features is 0"),
    "no data": ({"features": None, "data_dir": "/nowhere"}, "--features=2048"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_reported_before_anything_is_compiled(mistake):
    flags, fix = MISTAKES[mistake]
    with pytest.raises(UserError, match=fix):
        compiled(["lg_s_imagenet"], GAME, **flags)


def test_a_refusal_is_not_a_mistake():
    assert not issubclass(Refused, UserError)


def test_the_untrained_speaker_has_the_published_sizes_unless_others_are_given():
    speaker = UntrainedSpeaker().speaker(features=12)
    assert (speaker.vocab_size, speaker.message_length, speaker.core.units) == (20, 10, 256)
    speaker = UntrainedSpeaker(vocab_size=7, message_length=3).speaker(features=12)
    assert (speaker.vocab_size, speaker.message_length) == (7, 3)
    assert speaker.to_state.weights[0].shape[0] == 12
