"""What bin/tpu_job does; it needs nothing but Python, since it runs where people work and not on a TPU."""

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from tf_emcom.cloud.capacity import Capacity
from tf_emcom.cloud.execution import Execution
from tf_emcom.cloud.git_repository import GitRepository
from tf_emcom.cloud.job import Job
from tf_emcom.cloud.job_step import JobStep
from tf_emcom.cloud.on_demand import OnDemand
from tf_emcom.cloud.plan import ACTIONS
from tf_emcom.cloud.printed import printed
from tf_emcom.cloud.project_source import ProjectSource
from tf_emcom.cloud.queued import Queued
from tf_emcom.cloud.spot import Spot
from tf_emcom.cloud.tar_archive import TarArchive
from tf_emcom.cloud.tpu_machine import tpu_machine
from tf_emcom.cloud.training_flags import training_flags
from tf_emcom.errors import UserError


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; --help shows the actions and the flags.")


def main(arguments: Sequence[str], description: str) -> int:
    """Prints the commands of one action, or with --run executes them; returns the exit status."""
    try:
        given = _parser(description).parse_args(arguments)
        steps = ACTIONS[given.action][1]
        job = _job(given, steps)
        if not given.run:
            print(printed(job, steps))
            return 0
        execution = Execution(job)
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    try:
        status = execution.run(steps)
    except KeyboardInterrupt:
        print(f"\nInterrupted. {execution.warning()}", file=sys.stderr)
        return 130
    if status == 0 and given.action in ("create", "install", "train", "watch"):
        print(execution.warning())
    return status


def _parser(description: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="bin/tpu_job",
        description=description,
        epilog="\n".join(["actions:", *(f"  {name:9}{what}" for name, (what, _) in ACTIONS.items())]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("action", choices=list(ACTIONS), metavar="ACTION", help="what to do, see below")
    add("--run", action="store_true", help="do it; without this, the commands are printed, as a script of bash")
    add("--name", required=True, help="what the TPU is to be called")
    add("--zone", required=True, help="where it is, e.g. us-west4-a")
    add("--project", help="the Google Cloud project; default: gcloud's own")
    add("--accelerator_type", help="its kind and size, e.g. v5litepod-4")
    add("--version", help="its software version; default: the plain image for its kind")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--spot", action="store_true", help="a cheap one, which may be taken away at any time")
    kind.add_argument("--queued", action="store_true", help="wait until one is free")
    add("--source", help="tf_emcom: the address of a git repository, or a .tar.gz on this machine")
    add("--revision", help="a branch or a tag of that repository")
    add("--gin_file", action="append", default=[], help="as bin/train's; may be given more than once")
    add("--gin_param", action="append", default=[], help="as bin/train's; may be given more than once")
    add("--workdir", help="the run's folder, gs://…")
    add("--data_dir", help="where TFDS-prepared folders lie, gs://…")
    return parser


def _job(given: argparse.Namespace, steps: Sequence[JobStep]) -> Job:
    """What was given, as far as the steps need it; UserError where something is missing or wrong."""
    if any(step.needs_type for step in steps) and not given.accelerator_type:
        raise UserError("--accelerator_type is missing; say what kind of TPU it is, as in v5litepod-4.")
    machine = tpu_machine(given.name, given.zone, given.project, given.accelerator_type, given.version)
    source = _source(given) if any(step.needs_source for step in steps) else None
    training = None
    if any(step.needs_training for step in steps):
        asked = (given.gin_file, given.gin_param, given.workdir, given.data_dir)
        training = training_flags(*asked, many_hosts=machine.has_many_hosts)
    return Job(machine, _capacity(given), source, training)


def _capacity(given: argparse.Namespace) -> Capacity:
    if given.spot:
        return Spot()
    return Queued() if given.queued else OnDemand()


def _source(given: argparse.Namespace) -> ProjectSource:
    if not given.source:
        raise UserError(
            "--source is missing; give the address of a git repository, or an archive as `git archive"
            " --prefix=tf_emcom/ --output=tf_emcom.tar.gz HEAD` writes it."
        )
    if not given.source.endswith(TarArchive.endings):
        return GitRepository(given.source, given.revision)
    if given.revision:
        raise UserError("--revision is of a repository, and an archive has none; leave it out.")
    return TarArchive(given.source)
