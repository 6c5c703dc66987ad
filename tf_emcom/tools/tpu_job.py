"""The commands that train on a rented Cloud TPU, printed or run; it needs only Python, and for --run Google's tool."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tf_emcom.errors import UserError

# https://docs.cloud.google.com/tpu/docs/runtimes: images without a framework, since the job installs its own.
_VERSIONS = {"v6e": "v2-alpha-tpuv6e", "v5p": "v2-alpha-tpuv5", "v5litepod": "v2-alpha-tpuv5-lite"}
_LARGEST_HOST = 8  # of every generation, as its accelerator types count: cores up to v5p, chips in v5e and v6e
_PATTERNS = {
    "name": ("[a-z]([-a-z0-9]{0,61}[a-z0-9])?", "lower-case letters, digits and hyphens, as in lg-s-1"),
    "zone": ("[a-z]+-[a-z]+[0-9]+-[a-z]", "a zone, as in us-west4-a"),
    "project": ("([a-z][-a-z0-9.]*:)?[a-z][-a-z0-9]{4,28}[a-z0-9]", "a project's ID, as in my-project-1"),
    "accelerator_type": ("v[0-9][a-z]*-[1-9][0-9]*", "a generation and a size, as in v5litepod-4 or v4-8"),
    "version": ("[a-z0-9][-a-z0-9._]*", "a TPU software version, as in v2-alpha-tpuv5-lite"),
}
_ARCHIVES = (".tar", ".tar.gz", ".tgz")
_GIT_ARCHIVE = "`git archive --prefix=tf_emcom/ --output=tf_emcom.tar.gz HEAD`"
_APT = "sudo apt-get -o DPkg::Lock::Timeout=600 --quiet"
# In the home folder of every host; of a run there: output, process, exit status, and a lock that it holds to its end.
_FOLDER, _ENVIRONMENT, _ARCHIVE = "tf_emcom", "tf_emcom_environment", "tf_emcom.archive"
_LOG, _PROCESS, _STATUS, _LOCK = (f"tf_emcom_job.{ending}" for ending in ("log", "process", "status", "lock"))
_VM, _QUEUE = (("gcloud", "compute", "tpus", group) for group in ("tpu-vm", "queued-resources"))
# https://docs.cloud.google.com/tpu/docs/queued-resources: states from which a request never gets its TPU.
_HOPELESS = ("FAILED", "SUSPENDING", "SUSPENDED", "DELETING")
_SECONDS = 30


class Command(NamedTuple):
    """The words of a command; it is run once, or with `until` again and again until it prints that state."""

    words: tuple[str, ...]
    until: str = ""

    def text(self) -> str:
        """The command in bash; a loop also ends, with status 1, where the state will never be reached."""
        if not self.until:
            return shlex.join(self.words)
        ask = f'state=$({shlex.join(self.words)}) || exit; [ "$state" = {self.until} ]'
        return f'until {ask}; do case "$state" in {"|".join(_HOPELESS)}) exit 1;; esac; sleep {_SECONDS}; done'

    def run(self, seconds: float = _SECONDS) -> int:
        """Does the same without a shell, prints each new state, and returns the exit status as a shell counts it."""
        state = ""
        while True:
            done = subprocess.run(self.words, check=False, stdout=subprocess.PIPE if self.until else None, text=True)
            if done.returncode or not self.until:
                return 128 - done.returncode if done.returncode < 0 else done.returncode
            if done.stdout.strip() != state:
                state = done.stdout.strip()
                print(f"It is {state or 'in no state yet'}.", flush=True)
            if state in (self.until, *_HOPELESS):
                return int(state != self.until)
            time.sleep(seconds)


# What a step does, its commands, and what the user can do when one of them fails.
Step = tuple[str, list[Command], str]


def create(given: Namespace) -> Step:
    """Rents the TPU, at once or by a request of the same name that waits in a queue."""
    version = given.version or _VERSIONS.get(given.accelerator_type.split("-")[0], "tpu-ubuntu2204-base")
    new, where = ("create", given.name), (*_where(given), f"--accelerator-type={given.accelerator_type}")
    commands = [Command((*_VM, *new, *where, f"--version={version}"))]
    if given.spot or given.queued:
        asked = (f"--node-id={given.name}", *where, f"--runtime-version={version}", *(["--spot"] if given.spot else []))
        state = (*_QUEUE, "describe", given.name, *_where(given), "--format=value(state.state)")
        commands = [Command((*_QUEUE, *new, *asked)), Command(state, until="ACTIVE")]
    return (
        f"Create the TPU {given.name} ({given.accelerator_type}, {version}): it costs money from now on",
        commands,
        "try another zone or size, ask for quota, or wait for a free TPU with --queued or --spot",
    )


def install(given: Namespace) -> Step:
    """Installs tf_emcom on every host as README.md says, in an environment of its own."""
    upload, branch = [], [f"--branch={given.revision}"] if given.revision else []
    source = shlex.join(["git", "clone", "--quiet", "--depth=1", *branch, "--", given.source, _FOLDER])
    if given.source.endswith(_ARCHIVES):
        # In an absolute path, no colon can be taken for the end of a machine's name.
        paths = (os.path.abspath(given.source), f"{given.name}:{_ARCHIVE}")
        upload = [Command((*_VM, "scp", *paths, *_where(given), "--worker=all", "--quiet"))]
        # Without the archive's top folder, whatever its name is.
        source = f"mkdir {_FOLDER} && tar -xf {_ARCHIVE} -C {_FOLDER} --strip-components=1"
    pip = f"{_ENVIRONMENT}/bin/pip install --quiet --constraint {_FOLDER}/constraints.txt"
    script = [
        f"{{ python3.11 -c 'import ensurepip' 2> /dev/null || {{ {_APT} update && {_APT} install --yes python3.11"
        " python3.11-venv; }; }",  # the images come with an older Python
        f"rm -rf {_FOLDER} && {source}",
        f"python3.11 -m venv {_ENVIRONMENT}",
        f"{pip} --editable './{_FOLDER}[tpu]'",
        # With its dependencies it would bring the package `tensorflow`, whose files overwrite tensorflow-tpu's.
        f"{pip} --force-reinstall --no-deps tensorflow-tpu",
        f"{_ENVIRONMENT}/bin/python -c 'import tensorflow'",
    ]
    return (
        f"Install tf_emcom on {'every host' if _has_many_hosts(given) else 'the host'} of {given.name}",
        [*upload, _ssh(given, "all", " && ".join(script))],
        "a TPU that is new may not answer yet: run `bin/tpu_job install` in a minute, then `train` and `delete`, with"
        " the flags of before",
    )


def train(given: Namespace) -> Step:
    """Starts bin/train on the first host; it outlives the connection, and TensorFlow uses the cores of all hosts."""
    many = _has_many_hosts(given)
    where = "the first host (the others lend it their cores)" if many else "the host"
    environment, tpu = (["env", "TPU_LOAD_LIBRARY=0"], given.name) if many else ([], "local")
    lists = ("gin_file", "gin_param", "allow_imports")
    flags = [f"--{flag}={value}" for flag in lists for value in getattr(given, flag)]
    flags += [f"--workdir={given.workdir}", *([f"--data_dir={given.data_dir}"] if given.data_dir else [])]
    flags += [*(["--allow_unused"] if given.allow_unused else []), "--strategy=tpu", f"--tpu={tpu}"]
    words = shlex.join([*environment, f"../{_ENVIRONMENT}/bin/python", "bin/train", *flags])
    run = shlex.quote(f"cd {_FOLDER} && {words}; echo $? > ../{_STATUS}")
    busy = f"echo {shlex.quote('A training is running here already; bin/tpu_job watch shows it.')} >&2; exit 1"
    # The run inherits the lock, and holds it until it ends; the log is there before anybody reads it.
    script = (
        f"exec 9> {_LOCK}; flock --nonblock 9 || {{ {busy}; }}; rm -f {_STATUS}; : > {_LOG};"
        f" setsid nohup bash -c {run} >> {_LOG} 2>&1 < /dev/null & echo $! > {_PROCESS}"
    )
    purpose = f"Train on {where} of {given.name}, from where {given.workdir} left off"
    return purpose, [_ssh(given, "0", script)], "fix what it reports, then run the step again"


def watch(given: Namespace) -> Step:
    """Shows the run's output until it ends, and ends with its exit status."""
    script = f'tail --lines=+1 --follow --pid="$(cat {_PROCESS})" {_LOG}; exit "$(cat {_STATUS} || echo 1)"'
    return (
        f"Show what the run on {given.name} says until it ends (Ctrl-C leaves it running)",
        [_ssh(given, "0", script)],
        f"if the run failed, its own words are above; if only the connection broke, `{_again(given, 'watch')}` goes on"
        " showing; if the TPU was taken away, `bin/tpu_job resume` and the flags of before go on training",
    )


def delete(given: Namespace) -> Step:
    """Gives the TPU back, with its request if there was one; what is in the bucket stays."""
    command, force = (_QUEUE, ["--force"]) if given.spot or given.queued else (_VM, [])
    return (
        f"Delete the TPU {given.name}: it costs nothing any more, and its disk is gone",
        [Command((*command, "delete", given.name, *_where(given), *force, "--quiet"))],
        "where it says that there is no such TPU, that is what was wanted, and `bin/tpu_job all` starts a job on a new"
        " one; else delete it in the cloud console",
    )


def plan(given: Namespace, action: Sequence[Callable[[Namespace], Step]]) -> list[Step]:
    """The steps of an action with the flags given; UserError where one that they need is missing or wrong."""
    kind, source, data = given.accelerator_type, given.source or "", given.data_dir or "gs://"
    if {create, install, train} & {*action} and not kind:
        raise UserError("--accelerator_type is missing; say what kind of TPU it is, as in v5litepod-4.")
    for flag, (pattern, meaning) in _PATTERNS.items():
        if (value := getattr(given, flag)) is not None and not re.fullmatch(pattern, value):
            raise UserError(f"--{flag} is {value!r}, but it has to be {meaning}.")
    if _has_many_hosts(given) and given.version is None:
        raise UserError(
            f"--version is missing: {kind} has several hosts, which need the image of TensorFlow 2.20 for slices, with"
            f" -pod in its name; `gcloud compute tpus tpu-vm versions list --zone={given.zone}` lists them."
        )
    is_archive = source.endswith(_ARCHIVES)
    if install in action and is_archive and given.revision:
        raise UserError("--revision is of a repository, and an archive has none; leave it out.")
    if install in action and is_archive and not os.path.isfile(source):
        raise UserError(
            f"--source is {source}, but there is no such file; write it in the repository with {_GIT_ARCHIVE}, or give"
            " the address of a git repository."
        )
    if install in action and not is_archive and "://" not in source and "@" not in source:
        raise UserError(
            f"--source is {source or 'missing'}; give the address of a git repository, as in https://…, or an archive"
            f" of it on this machine, whose name ends in .tar.gz, as {_GIT_ARCHIVE} writes it."
        )
    if train in action and not given.gin_file:
        raise UserError("--gin_file is missing; name what is trained, as in --gin_file=gin/lg_s_imagenet.gin.")
    if train in action and not (given.workdir or "").startswith("gs://"):
        raise UserError(
            f"--workdir is {given.workdir or 'missing'}, but a TPU's disk goes away with it; give a folder in a bucket,"
            " as in --workdir=gs://BUCKET/runs/NAME, so that a run whose TPU was taken away goes on on another one."
        )
    if train in action and _has_many_hosts(given) and not data.startswith("gs://"):
        raise UserError(
            f"--data_dir is {data}, but the hosts of this slice share no disk; copy the data to a bucket, as in `gcloud"
            f" storage cp --recursive {data} gs://BUCKET/data`, and give --data_dir=gs://BUCKET/data."
        )
    return [step(given) for step in action]


def print_script(steps: Sequence[Step]) -> None:
    """Prints a script of bash, which stops at the first command that fails."""
    print("set -euo pipefail")
    for number, (purpose, commands, _) in enumerate(steps, start=1):
        # In one line, whatever is in a name: what follows a line break would be run.
        print(f"\n# {number}. {' '.join(purpose.split())}.", *(command.text() for command in commands), sep="\n")


def run(steps: Sequence[Step], given: Namespace) -> int:
    """Runs the commands up to the first one that fails, and returns its exit status, or 0."""
    if not shutil.which("gcloud"):
        raise UserError(
            "There is no gcloud on the PATH, with which --run would do this; install the Google Cloud CLI (https://"
            "cloud.google.com/sdk/docs/install) and run `gcloud init`, or leave out --run to see the commands."
        )
    warning = f"A TPU that is there costs money until `{_again(given, 'delete')}`."
    try:
        for number, (purpose, commands, advice) in enumerate(steps, start=1):
            print(f"[{number} of {len(steps)}] {purpose}.", flush=True)
            for command in commands:
                print(command.text(), flush=True)
                if status := command.run():
                    print(f"Error: this command ended with status {status}: {command.text()}")
                    print(f"What to do: {advice}. {warning}", flush=True)
                    return status
    except KeyboardInterrupt:
        print(f"\nInterrupted. {warning}", file=sys.stderr)
        return 130
    if delete(given) not in steps:
        print(warning)
    return 0


def _where(given: Namespace) -> list[str]:
    return [f"--zone={given.zone}", *([f"--project={given.project}"] if given.project else [])]


def _has_many_hosts(given: Namespace) -> bool:
    return bool(given.accelerator_type) and int(given.accelerator_type.rpartition("-")[2]) > _LARGEST_HOST


def _ssh(given: Namespace, worker: str, script: str) -> Command:
    return Command((*_VM, "ssh", given.name, *_where(given), f"--worker={worker}", f"--command={script}", "--quiet"))


def _again(given: Namespace, action: str) -> str:
    capacity = [f"--{flag}" for flag in ("spot", "queued") if getattr(given, flag)]
    return " ".join(["bin/tpu_job", action, f"--name={given.name}", *_where(given), *capacity, "--run"])
