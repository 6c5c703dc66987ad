"""bin/tpu_job as users start it, with a stand-in for Google Cloud's tool on the PATH."""

import json
import os
import runpy
import shlex
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

from tests import commands
from tests.tools import train_flags
from tf_emcom.tools.tpu_job import Command

pytestmark = pytest.mark.processes

TPU = ("--name=lg-s-1", "--zone=us-west4-a")
KIND = "--accelerator_type=v5litepod-4"
TRAINING = ("--gin_file=gin/lg_s_imagenet.gin", "--workdir=gs://bucket/runs/lg")
SOURCE = "--source=https://example.org/tf_emcom.git"
ALL = ("all", *TPU, KIND, SOURCE, *TRAINING)
NASTY = "Log.every=\"it's $(touch owned) `touch owned` \\ ; & | > # \n --run\""


@pytest.fixture
def world(tmp_path):
    """The environment variables of a machine with the stand-in and a TPU's host beside it."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "host").mkdir()
    (tmp_path / "bin" / "gcloud").symlink_to(Path(__file__).with_name("fake_gcloud"))
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "FAKE_LOG": str(tmp_path / "log"), "HOME": str(tmp_path)}


def tpu_job(world, *arguments):
    return subprocess.run(
        [sys.executable, str(commands.ROOT / "bin" / "tpu_job"), *arguments],
        cwd=world["HOME"],
        env={**os.environ, **world},
        capture_output=True,
        text=True,
        timeout=60,
    )


def calls(world):
    """The words of every call of the stand-in, in order."""
    log = Path(world["FAKE_LOG"])
    # %q writes line breaks as $'…\n…', which bash reads back and shlex does not.
    script = f"while IFS= read -r line; do eval \"words=($line)\"; printf '%s\\0' \"${{words[@]}}\" END; done < {log}"
    out = subprocess.run(["bash", "-c", script], capture_output=True, check=True, text=True).stdout
    return [call.split("\0") for call in out.split("\0END\0")[:-1]]


@pytest.mark.parametrize("kind", [(), ("--queued",), ("--spot", "--project=my-project-1")], ids=["", "queued", "spot"])
def test_what_is_run_is_what_is_printed(world, tmp_path, kind):
    states = tmp_path / "states"
    world["FAKE_STATES"] = str(states)
    asked = (*ALL, *kind, f"--gin_param={NASTY}")
    states.write_text("ACTIVE\n")
    ran = tpu_job(world, *asked, "--run")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    by_running = calls(world)
    Path(world["FAKE_LOG"]).unlink()
    states.write_text("ACTIVE\n")
    script = tpu_job(world, *asked).stdout
    subprocess.run(["bash"], input=script, text=True, env={**os.environ, **world}, check=True, timeout=60)
    assert by_running == calls(world)
    assert len(by_running) == (6 if kind else 5)
    assert not (tmp_path / "owned").exists()


def test_resuming_first_deletes_what_is_left(world):
    world["FAKE_STATES"] = os.devnull
    resume = tpu_job(world, "resume", *ALL[1:], "--spot").stdout
    verbs = [shlex.split(line)[4] for line in resume.splitlines() if line.startswith("gcloud")]
    assert verbs == ["delete", "create", "ssh", "ssh", "ssh", "delete"]


def test_the_first_failure_stops_a_job_and_is_reported_with_what_it_costs(world):
    world |= {"FAKE_FAIL": "--worker=0", "FAKE_STATUS": "7"}
    ran = tpu_job(world, *ALL, "--run")
    assert ran.returncode == 7
    assert [call[3] for call in calls(world)] == ["create", "ssh", "ssh"]
    assert "ended with status 7: gcloud compute tpus tpu-vm ssh lg-s-1" in ran.stdout
    assert "costs money until `bin/tpu_job delete --name=lg-s-1 --zone=us-west4-a --run`" in ran.stdout


def test_a_job_that_leaves_its_tpu_ends_with_a_warning(world):
    ran = tpu_job(world, "create", *TPU, KIND, "--run")
    assert ran.returncode == 0
    assert "costs money until" in ran.stdout
    assert "costs money until" not in tpu_job(world, "delete", *TPU, "--run").stdout


@pytest.mark.parametrize(
    ("states", "status"), [(["WAITING_FOR_RESOURCES", "PROVISIONING", "ACTIVE"], 0), (["PROVISIONING", "FAILED"], 1)]
)
def test_a_queued_tpu_is_waited_for_as_long_as_there_is_hope(world, tmp_path, monkeypatch, states, status, capfd):
    (tmp_path / "states").write_text("\n".join([*states, "ACTIVE"]) + "\n")
    for name, value in (world | {"FAKE_STATES": str(tmp_path / "states")}).items():
        monkeypatch.setenv(name, value)
    words = ("gcloud", "compute", "tpus", "queued-resources", "describe", *TPU)
    assert Command(words, until="ACTIVE").run(seconds=0) == status
    assert [call[3] for call in calls(world)] == ["describe"] * len(states)
    assert capfd.readouterr().out == "".join(f"It is {state}.\n" for state in states)


def test_a_request_that_fails_ends_the_job(world, tmp_path):
    (tmp_path / "states").write_text("FAILED\n")
    ran = tpu_job(world | {"FAKE_STATES": str(tmp_path / "states")}, *ALL, "--spot", "--run")
    assert ran.returncode == 1
    assert [call[3] for call in calls(world)] == ["create", "describe"]
    assert "It is FAILED.\nError: this command ended with status 1: until state=" in ran.stdout


def test_a_command_that_a_signal_ends_has_the_status_that_a_shell_gives_it(world):
    assert Command(("sh", "-c", "kill -TERM $$")).run() == 143
    assert Command(("sh", "-c", "kill -KILL $$"), until="ACTIVE").run() == 137


def test_ctrl_c_leaves_the_tpu_and_says_what_it_costs(world, tmp_path):
    (tmp_path / "states").write_text("PROVISIONING\n" * 9)
    env = {**os.environ, **world, "FAKE_STATES": str(tmp_path / "states")}
    given = ["create", *TPU, KIND, "--queued", "--run"]
    job = subprocess.Popen(
        [sys.executable, str(commands.ROOT / "bin" / "tpu_job"), *given],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while "It is PROVISIONING" not in job.stdout.readline():
        assert job.poll() is None
    job.send_signal(signal.SIGINT)
    _, errors = job.communicate(timeout=60)
    assert job.returncode == 130
    assert errors.startswith("\nInterrupted. A TPU that is there costs money until `bin/tpu_job delete --name=lg-s-1")


def test_the_printed_loop_ends_without_hope_too(world, tmp_path):
    (tmp_path / "states").write_text("SUSPENDED\n")
    script = tpu_job(world, "create", *TPU, KIND, "--spot").stdout
    env = {**os.environ, **world, "FAKE_STATES": str(tmp_path / "states")}
    assert subprocess.run(["bash"], input=script, text=True, env=env, timeout=60).returncode == 1


def test_without_the_tool_one_sentence_says_so(world, tmp_path):
    (tmp_path / "bin" / "gcloud").unlink()
    ran = tpu_job(world | {"PATH": str(tmp_path / "bin")}, "delete", *TPU, "--run")
    assert ran.returncode == 2
    assert ran.stderr.startswith("Error: There is no gcloud on the PATH")
    assert len(ran.stderr.strip().splitlines()) == 1


MISTAKES = {
    "no such action": (("start", *TPU), "invalid choice"),
    "no name": (("delete", TPU[1]), "--name"),
    "bad name": (("delete", "--name=-x", TPU[1]), "--name is '-x'"),
    "bad zone": (("delete", TPU[0], "--zone=west"), "--zone is 'west'"),
    "bad project": (("delete", *TPU, "--project=P; rm"), "--project is"),
    "bad kind": (("create", *TPU, "--accelerator_type=v5e"), "--accelerator_type is 'v5e'"),
    "no kind": (("create", *TPU), "--accelerator_type is missing"),
    "no image for a slice": (("create", *TPU, "--accelerator_type=v4-32"), "--version is missing"),
    "spot and queued": (("create", *TPU, KIND, "--spot", "--queued"), "not allowed with"),
    "no source": (("install", *TPU, KIND), "--source is missing"),
    "no archive": (("install", *TPU, KIND, "--source=nothing.tar.gz"), "there is no such file"),
    "no address": (("install", *TPU, KIND, "--source=tf_emcom"), "give the address of a git repository"),
    "no gin file": (("train", *TPU, KIND, TRAINING[1]), "--gin_file is missing"),
    "no workdir": (("train", *TPU, KIND, TRAINING[0]), "--workdir is missing"),
    "local workdir": (("train", *TPU, KIND, TRAINING[0], "--workdir=runs/a"), "--workdir=gs://BUCKET/runs/NAME"),
    "local data of a slice": (
        ("train", *TPU, "--accelerator_type=v4-32", "--version=x-pod", *TRAINING, "--data_dir=/data"),
        "gcloud storage cp --recursive /data gs://BUCKET/data",
    ),
    "unknown flag": (("delete", *TPU, "--zones=a"), "--zones"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_reported_in_one_sentence(world, case):
    arguments, reported = MISTAKES[case]
    ran = tpu_job(world, *arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("Error: ") and reported in ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1


def test_help_lists_every_action(world):
    shown = tpu_job(world, "--help").stdout
    actions = runpy.run_path(str(commands.ROOT / "bin" / "tpu_job"))["ACTIONS"]
    assert all(f"  {action}" in shown for action in actions)


def test_it_runs_on_a_python_without_any_package(world):
    bare = [sys.executable, "-I", "-S", str(commands.ROOT / "bin" / "tpu_job"), *ALL]
    assert subprocess.run(bare, capture_output=True, text=True, check=True).stdout == tpu_job(world, *ALL).stdout


def test_slices_of_several_hosts_install_on_all_and_train_on_the_first(world):
    slice_of_four = ("--accelerator_type=v4-32", "--version=tpu-vm-tf-2.20.0-pod-pjrt")
    script = tpu_job(world, "all", *TPU, *slice_of_four, SOURCE, *TRAINING).stdout
    assert "every host" in script and "the first host (the others lend it their cores)" in script
    ssh = [shlex.split(line) for line in script.splitlines() if " ssh " in line]
    assert [word for words in ssh for word in words if word.startswith("--worker")] == [
        *("--worker=all", "--worker=0", "--worker=0")
    ]
    assert "env TPU_LOAD_LIBRARY=0" in script and "--tpu=lg-s-1" in script


PYTHON = '''#!/usr/bin/env bash
# A Python that makes environments of itself, and writes its arguments down where it is to train.
if [[ "$1 $2" == "-m venv" ]]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; cp "$0" "$3/bin/pip"; fi
if [[ "$1" == bin/train ]]; then
  printf '%s\\0' "$@" > "$HOME/trained"
  cat steps
  while [[ -e "$HOME/hold" ]]; do sleep 0.01; done
  echo "the last step"
  exit "$(cat "$HOME/exit")"
fi
echo "$(basename "$0") $*" >> "$HOME/said"
'''


@pytest.fixture
def host(world, tmp_path):
    """A TPU's host: a folder whose Python is a stand-in, on which the archive of a project can be installed."""
    python = tmp_path / "bin" / "python3.11"
    python.write_text(PYTHON)
    python.chmod(0o755)
    project = tmp_path / "any name"
    (project / "bin").mkdir(parents=True)
    (project / "steps").write_text("step 1\nstep 2\n")
    with tarfile.open(tmp_path / "tf_emcom.tar.gz", "w:gz") as archive:
        archive.add(project, arcname="some-prefix")
    world["FAKE_HOST"] = str(tmp_path / "host")
    (tmp_path / "host" / "exit").write_text("0")
    return tmp_path / "host"


def test_the_scripts_install_train_and_end_as_the_run_does(world, host):
    asked = (*TPU, KIND, "--source=tf_emcom.tar.gz", *TRAINING)
    installed = tpu_job(world, "install", *asked, "--run")
    assert installed.returncode == 0, installed.stdout + installed.stderr
    assert (host / "said").read_text().splitlines()[1:] == [
        "python3.11 -m venv tf_emcom_environment",
        "pip install --quiet --constraint tf_emcom/constraints.txt --editable ./tf_emcom[tpu]",
        "pip install --quiet --constraint tf_emcom/constraints.txt --force-reinstall --no-deps tensorflow-tpu",
        "python -c import tensorflow",
    ]
    for status in (0, 143):
        (host / "exit").write_text(str(status))
        trained = tpu_job(world, "train", *asked, "--run")
        assert trained.returncode == status, trained.stdout + trained.stderr
        assert "step 1\nstep 2\nthe last step\n" in trained.stdout
    words = (host / "trained").read_text().split("\0")[:-1]
    assert words == ["bin/train", *TRAINING, "--strategy=tpu", "--tpu=local"]


def test_every_flag_of_bin_train_arrives_or_is_set_by_the_job(world, host):
    given = {
        "gin_file": ["gin/lg_s_digits.gin", "gs://bucket/b c.gin"],
        "gin_param": ["seed=1", NASTY],
        "workdir": "gs://bucket/runs/lg",
        "data_dir": "gs://bucket/data",
        "allow_imports": ["my_lab.channels", "my_lab.tasks"],
        "allow_unused": True,
    }
    lists = {flag: values for flag, values in given.items() if isinstance(values, list)}
    typed = [f"--{flag}={value}" for flag, values in lists.items() for value in values]
    typed += [f"--workdir={given['workdir']}", f"--data_dir={given['data_dir']}", "--allow_unused"]
    assert tpu_job(world, "install", *TPU, KIND, "--source=tf_emcom.tar.gz", "--run").returncode == 0
    trained = tpu_job(world, "train", *TPU, KIND, *typed, "--run")
    assert trained.returncode == 0, trained.stdout + trained.stderr
    words = (host / "trained").read_text().split("\0")[:-1]
    # `replicas` splits a CPU, so that a TPU has no use for it.
    placed = {"strategy": "tpu", "tpu": "local", "replicas": None}
    assert train_flags.parsed(words[1:]) == given | placed
    assert not list(host.rglob("owned"))


def test_a_run_outlives_its_connection_and_is_not_started_twice(world, host):
    asked = (*TPU, KIND, "--source=tf_emcom.tar.gz", *TRAINING)
    assert tpu_job(world, "install", *asked, "--run").returncode == 0
    (host / "hold").write_text("")
    # A connection that breaks once the run has started: the second command of the step is not reached.
    broken = tpu_job(world | {"FAKE_FAIL": "tail", "FAKE_STATUS": "255"}, "train", *asked, "--run")
    assert broken.returncode == 255
    assert "goes on showing" in broken.stdout
    while not (host / "trained").exists():
        time.sleep(0.01)
    again = tpu_job(world, "train", *asked, "--run")
    assert again.returncode == 1
    assert "A training is running here already" in again.stderr
    (host / "hold").unlink()
    watched = tpu_job(world, "watch", *TPU, "--run")
    assert watched.returncode == 0, watched.stdout + watched.stderr
    assert "the last step" in watched.stdout


def test_the_stand_in_writes_down_what_it_is_called_with(world, tmp_path):
    words = ["compute", "tpus", "x", "y", NASTY, "", json.dumps({"a": "b"})]
    subprocess.run(["gcloud", *words], env={**os.environ, **world}, check=True)
    assert calls(world) == [words]
