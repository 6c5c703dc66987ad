"""Every command that a job consists of is one that the tool's reference describes."""

import runpy
import shlex

import pytest
from allpairspy import AllPairs

from tests import commands
from tests.tools import gcloud_grammar
from tf_emcom.tools import tpu_job

COMMAND = runpy.run_path(str(commands.ROOT / "bin" / "tpu_job"))

NASTY = ("noise=0.5", "", "a='b c' \"$(touch x)\" `id` \\ ; & | > # ! * ~", "two\nlines", "--run", "ä=é")
# Each part of a command line is a list of choices, and each choice a tuple of flags.
PARTS = (
    [(action,) for action in COMMAND["ACTIONS"]],
    [(), ("--queued",), ("--spot",)],
    [(), ("--project=my-project-1",), ("--project=example.com:my-project",)],
    [
        *(("--accelerator_type=v5litepod-1",), ("--accelerator_type=v5litepod-4",), ("--accelerator_type=v6e-8",)),
        *(("--accelerator_type=v4-8",), ("--accelerator_type=v5p-8", "--version=v2-alpha-tpuv5")),
        ("--accelerator_type=v2-8", "--version=tpu-vm-tf-2.20.0-pjrt"),
        ("--accelerator_type=v5litepod-16", "--version=tpu-vm-tf-2.20.0-pod-pjrt"),
        ("--accelerator_type=v4-32", "--version=some-pod-image"),
    ],
    [
        ("--source=https://example.org/tf_emcom.git",),
        ("--source=git@example.org:tf_emcom.git", "--revision=main"),
        ("--source=odd: name.tar.gz",),
    ],
    [("--gin_file=gin/lg_s_imagenet.gin",), ("--gin_file=gin/a.gin", "--gin_file=gs://bucket/my gin's.gin")],
    [(), *((f"--gin_param={text}",) for text in NASTY), tuple(f"--gin_param={text}" for text in NASTY)],
    [("--workdir=gs://bucket/runs/a",), ("--workdir=gs://bucket/it's $HOME",)],
    [(), ("--data_dir=gs://bucket/data",)],
    [(), ("--allow_imports=my_lab.channels", "--allow_imports=it's"), ("--allow_unused",)],
)
PAIRS = [[flag for choice in row for flag in choice] for row in AllPairs(PARTS)]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The folder where jobs are sent from, with an archive."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd: name.tar.gz").write_text("")


def commands_of(arguments):
    given = COMMAND["parser"]().parse_args([*arguments, "--name=lg-s-1", "--zone=us-west4-a"])
    steps = tpu_job.plan(given, COMMAND["ACTIONS"][given.action][1])
    return [command for _, commands_of_step, _ in steps for command in commands_of_step]


@pytest.mark.parametrize("arguments", PAIRS, ids=[f"{i}-{arguments[0]}" for i, arguments in enumerate(PAIRS)])
def test_every_command_is_in_the_grammar_and_its_text_is_its_words(arguments):
    for command in commands_of(arguments):
        assert gcloud_grammar.mistakes(command.words) == []
        if not command.until:
            assert shlex.split(command.text()) == list(command.words)


def test_all_pairs_are_many_and_reach_every_command():
    used = {" ".join(command.words[1:5]) for arguments in PAIRS for command in commands_of(arguments)}
    assert used == set(gcloud_grammar.COMMANDS)
    assert len(PAIRS) >= 60


HERE = ("lg-s-1", "--zone=us-west4-a")
QUEUE = ("gcloud", "compute", "tpus", "queued-resources")
VM = ("gcloud", "compute", "tpus", "tpu-vm")


@pytest.mark.parametrize(
    ("words", "mistake"),
    [
        ((*VM, "create", *HERE), "none of ['--version'] is given"),
        ((*VM, "create", *HERE, "--version=a", "--runtime-version=b"), "there is no flag --runtime-version"),
        ((*VM, "create", *HERE, "--version=a", "--spot=True"), "--spot takes no value"),
        ((*VM, "create", *HERE, "--version=a", "--version=a"), "--version is given twice"),
        ((*VM, "create", *HERE, "--version"), "--version lacks its value"),
        ((*VM, "create", "lg-s-1", "--version=a"), "it does not say where"),
        ((*VM, "delete", *HERE, "other", "--quiet"), "2 positional arguments"),
        ((*VM, "delete", *HERE), "it would ask back"),
        ((*VM, "ssh", *HERE, "--quiet"), "it does not say which host"),
        ((*VM, "scp", "a:b", "c:d", HERE[1], "--worker=all", "--quiet"), "is no copy from here to there"),
        ((*VM, "restart", *HERE), "there is no command compute tpus tpu-vm restart"),
        ((*QUEUE, "create", *HERE, "--runtime-version=a", "--accelerator-type=b"), "none of"),
        ((*QUEUE, "delete", *HERE, "--quiet", "--force=yes"), "--force takes no value"),
    ],
)
def test_a_planted_mistake_is_found(words, mistake):
    assert [found for found in gcloud_grammar.mistakes(words) if mistake in found]
