"""The commands as a user types them: what they print, how they exit, what they leave alone."""

import json
import re

import pytest

from tests import commands
from tf_emcom.files import read_json_lines

pytestmark = pytest.mark.processes

DIGITS = "--gin_file=gin/nlg_digits.gin"

MISTAKES = {
    "an unknown parameter": (["Erasure.probabilty=0.5"], "probability"),
    "an unknown macro": (["nosie=0.5"], "noise"),
    "an unknown mode": (['mode="testchanel"'], "testchannel"),
    "a noise above one": (["noise=1.5"], "between 0 and 1"),
    "a batch of one": (["batch_size=1"], "2 or more"),
    "more distractors than the batch has": (["Discrimination.distractors=64"], "1 to 63"),
    "a batch that is no number": (['batch_size="many"'], "whole number"),
    "a batch larger than the data": (["batch_size=2000"], "1258"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_is_told_in_one_sentence_and_writes_nothing(tmp_path, mistake):
    params, mend = MISTAKES[mistake]
    ran = commands.start("train", DIGITS, f"--workdir={tmp_path / 'run'}", params=params)
    assert_one_sentence(ran, mend)
    assert not list((tmp_path / "run" / "checkpoints").glob("*"))


def test_after_a_mistake_that_shows_late_the_mended_command_may_use_the_same_workdir(tmp_path):
    run = f"--workdir={tmp_path / 'run'}"
    late = commands.start("train", DIGITS, run, params=[*commands.TINY, "Speaker.head_cls=@Policy"])
    assert_one_sentence(late, "PolicyQValueDueling")
    mended = commands.start("train", DIGITS, run, params=[*commands.TINY, "Speaker.head_cls=@PolicyValue"])
    assert mended.returncode == 0, mended.stderr


def assert_one_sentence(ran, mend):
    assert ran.returncode == 2, ran
    assert "Traceback" not in ran.stderr + ran.stdout
    (line,) = [line for line in ran.stderr.splitlines() if line.startswith("Error: ")]
    assert mend in line


def test_missing_data_folder_says_where_it_looked_and_what_it_expected(tmp_path):
    ran = commands.start(
        "train", "--gin_file=gin/nlg_imagenet.gin", f"--workdir={tmp_path / 'run'}", f"--data_dir={tmp_path / 'none'}"
    )
    assert_one_sentence(ran, str(tmp_path / "none" / "byol_imagenet2012"))
    assert "features.json" in ran.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("command", "flag"), [("train", "--gin_file"), ("evaluate", "--mode")])
def test_help_shows_the_flags(command, flag):
    ran = commands.start_afresh(command, "--help")
    assert ran.returncode == 0, ran.stderr
    assert flag in ran.stdout


def test_missing_and_unknown_flags_are_told_in_one_sentence():
    assert_one_sentence(commands.start_afresh("train"), "--gin_file is missing")
    assert_one_sentence(commands.start_afresh("train", DIGITS, "--gin_parm=x=1"), "gin_param")
    assert_one_sentence(commands.start("train", "--gin_file=gin/nlg_digit.gin"), "nlg_digits.gin")
    assert_one_sentence(commands.start("evaluate", "--workdir=/nowhere/at/all"), "/nowhere/at/all")


def test_training_resuming_and_testing_a_run(tmp_path):
    run = tmp_path / "run"
    first = commands.start_afresh("train", DIGITS, f"--workdir={run}", *(f"--gin_param={p}" for p in commands.TINY))
    assert first.returncode == 0, first.stderr
    rows = read_json_lines(str(run / "metrics.jsonl"), "")
    assert [row["step"] for row in rows] == [2, 4]
    assert {"accuracy", "loss", "speaker_loss", "listener_loss", "noise", "games_per_second"} <= rows[0].keys()
    assert rows[1]["noise"] == pytest.approx(0.5)
    assert list((run / "tensorboard").glob("events*"))
    before = commands.snapshot(run)

    other = commands.start("train", DIGITS, f"--workdir={run}", params=[*commands.TINY, "noise=0.25"])
    assert_one_sentence(other, "noise = 0.5 there, 0.25 here")
    assert commands.snapshot(run) == before

    again = commands.start("train", DIGITS, f"--workdir={run}", params=[*commands.TINY])
    assert again.returncode == 0, again.stderr
    assert "is trained" in again.stdout
    assert commands.snapshot(run) == before

    same = commands.start("train", f"--gin_file={run / 'config.gin'}", f"--workdir={run}")
    assert same.returncode == 0, same.stderr
    assert "is trained" in same.stdout

    test = ["TestChannel.passes=1"]
    tested = commands.start("train", DIGITS, f"--workdir={run}", params=[*commands.TINY, 'mode="testchannel"', *test])
    assert tested.returncode == 0, tested.stderr
    assert "Skipped 1024 candidates" in tested.stdout
    result = run / "eval" / "testchannel.jsonl"
    cells = [json.loads(line) for line in result.read_text().splitlines()]
    assert [(cell["candidates"], cell["noise"]) for cell in cells] == [
        (c, n) for c in (16, 64, 256) for n in (0.0, 0.25, 0.5, 0.75)
    ]
    assert all(cell["games"] == 359 // cell["candidates"] * cell["candidates"] for cell in cells)
    picture = run / "figures" / "testchannel.png"
    first_result, first_picture = result.read_bytes(), picture.read_bytes()

    short = commands.start("evaluate", f"--workdir={run}", "--mode=testchannel", params=test)
    assert short.returncode == 0, short.stderr
    assert (result.read_bytes(), picture.read_bytes()) == (first_result, first_picture)
    changed = {path for path, content in commands.snapshot(run).items() if before.get(path) != content}
    assert changed == {"eval/testchannel.jsonl", "figures/testchannel.png"}


def test_a_binding_that_nothing_uses_is_refused(tmp_path):
    run, given = tmp_path / "run", [*commands.TINY, "Game.listener_policy=@EpsilonGreedy()"]
    flags = ("--gin_file=gin/lg_rl_digits.gin", f"--workdir={run}")
    ran = commands.start("train", *flags, params=given)
    assert ran.returncode == 2 and ran.stdout == "" and not run.exists()
    assert "nothing here uses Game.listener_policy; did you mean lg_rl/Game.listener_policy? " in ran.stderr
    ran = commands.start("train", *flags, "--allow_unused", params=given)
    assert ran.returncode == 0, ran.stderr
    assert re.search("^Note: Game.listener_policy = .* was given, but nothing used it", ran.stderr, re.MULTILINE)


def test_a_folder_that_is_no_run_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    ran = commands.start("train", DIGITS, f"--workdir={tmp_path}", params=commands.TINY)
    assert_one_sentence(ran, "no run's folder")
    assert commands.snapshot(tmp_path) == {"thesis.tex": b"years of work"}


def test_mirrored_training_from_the_command_line(tmp_path):
    ran = commands.start(
        "train", DIGITS, f"--workdir={tmp_path / 'run'}", "--strategy=mirrored", "--replicas=2", params=commands.TINY
    )
    assert ran.returncode == 0, ran.stderr
    alone = commands.start("train", DIGITS, f"--workdir={tmp_path / 'alone'}", params=commands.TINY)
    assert alone.returncode == 0, alone.stderr
    for two, one in zip(metrics(tmp_path / "run"), metrics(tmp_path / "alone"), strict=True):
        assert two.keys() == one.keys()
        assert two["loss"] == pytest.approx(one["loss"], abs=1e-4)
        assert two["accuracy"] == pytest.approx(one["accuracy"], abs=1e-6)


@pytest.mark.gpu
def test_a_gpu_comes_to_what_the_processor_comes_to(tmp_path):
    for name, visible in (("gpu", "0"), ("processor", "-1")):
        words = [DIGITS, f"--workdir={tmp_path / name}", *(f"--gin_param={p}" for p in commands.TINY)]
        ran = commands.start_afresh("train", *words, env={"CUDA_VISIBLE_DEVICES": visible})
        assert ran.returncode == 0, ran.stderr
    for there, here in zip(metrics(tmp_path / "gpu"), metrics(tmp_path / "processor"), strict=True):
        # Products on a GPU may be of TensorFloat-32, with ten bits.
        assert there["loss"] == pytest.approx(here["loss"], rel=1e-2)
    assert len(json.loads((tmp_path / "gpu" / "environment.json").read_text())["devices"]) > 1


def metrics(run):
    return read_json_lines(str(run / "metrics.jsonl"), "")
