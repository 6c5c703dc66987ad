"""Every command that a job consists of is one that the tool's reference describes."""

import shlex

import pytest
from allpairspy import AllPairs

from tests.cloud import gcloud_grammar
from tf_emcom.cloud.git_repository import GitRepository
from tf_emcom.cloud.invocation import Invocation
from tf_emcom.cloud.job import Job
from tf_emcom.cloud.on_demand import OnDemand
from tf_emcom.cloud.plan import ACTIONS
from tf_emcom.cloud.queued import Queued
from tf_emcom.cloud.spot import Spot
from tf_emcom.cloud.tar_archive import TarArchive
from tf_emcom.cloud.tpu_machine import tpu_machine
from tf_emcom.cloud.training_flags import training_flags

NASTY = ("noise=0.5", "", "a='b c' \"$(touch x)\" `id` \\ ; & | > # ! * ~", "two\nlines", "--run", "ä=é")
TYPES = (
    *(("v5litepod-1", None), ("v5litepod-4", None), ("v6e-8", None), ("v4-8", None), ("v5p-8", "v2-alpha-tpuv5")),
    *(("v2-8", "tpu-vm-tf-2.20.0-pjrt"), ("v5litepod-16", "tpu-vm-tf-2.20.0-pod-pjrt"), ("v4-32", "some-pod-image")),
)
PARTS = {
    "action": list(ACTIONS),
    "capacity": [OnDemand, Queued, Spot],
    "project": [None, "my-project-1", "example.com:my-project"],
    "type": TYPES,
    "source": ["https://example.org/tf_emcom.git", ("git@example.org:tf_emcom.git", "main"), "archive"],
    "gin_file": [["gin/lg_s_imagenet.gin"], ["gin/lg_s_imagenet.gin", "gs://bucket/my gin's.gin"]],
    "gin_params": [[], *([text] for text in NASTY), list(NASTY)],
    "workdir": ["gs://bucket/runs/a", "gs://bucket/it's $HOME"],
    "data_dir": [None, "gs://bucket/data"],
}
PAIRS = [dict(zip(PARTS, row, strict=True)) for row in AllPairs(list(PARTS.values()))]


def job_of(parts, archive):
    machine = tpu_machine("lg-s-1", "us-west4-a", parts["project"], *parts["type"])
    if parts["source"] == "archive":
        source = TarArchive(str(archive))
    else:
        source = GitRepository(*([parts["source"]] if isinstance(parts["source"], str) else parts["source"]))
    asked = (parts["gin_file"], parts["gin_params"], parts["workdir"], parts["data_dir"])
    return Job(machine, parts["capacity"](), source, training_flags(*asked, many_hosts=machine.has_many_hosts))


@pytest.mark.parametrize("parts", PAIRS, ids=[f"{i}-{parts['action']}" for i, parts in enumerate(PAIRS)])
def test_every_command_is_in_the_grammar_and_its_text_is_its_words(parts, tmp_path):
    archive = tmp_path / "odd: name.tar.gz"
    archive.write_text("")
    job = job_of(parts, archive)
    for step in ACTIONS[parts["action"]][1]:
        for command in step.commands(job):
            assert gcloud_grammar.mistakes(command.words) == []
            if isinstance(command, Invocation):
                assert shlex.split(command.text()) == list(command.words)


def test_all_pairs_are_many_and_reach_every_command(tmp_path):
    (tmp_path / "a.tar").write_text("")
    jobs = [(job_of(parts, tmp_path / "a.tar"), ACTIONS[parts["action"]][1]) for parts in PAIRS]
    used = {" ".join(c.words[1:5]) for job, steps in jobs for step in steps for c in step.commands(job)}
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
