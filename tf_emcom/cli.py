"""What the commands do: read a configuration, build it, run its mode, and tell mistakes in one sentence."""

import contextlib
import os
import re
import signal
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import tensorflow as tf
from absl import flags

from tf_emcom.errors import UserError
from tf_emcom.files import is_remote
from tf_emcom.runtime import catalogue, config, config_checks, config_diff
from tf_emcom.runtime.catalogue import choose, plug_ins
from tf_emcom.runtime.checkpoint_files import newest_checkpoint
from tf_emcom.runtime.config import build
from tf_emcom.runtime.config_checks import refuse_unused
from tf_emcom.runtime.config_file import Binding
from tf_emcom.runtime.placement import place
from tf_emcom.runtime.run_folder import RunFolder, WorkerFolder
from tf_emcom.runtime.strategies import PeerLost
from tf_emcom.runtime.termination import Terminated, stop_at_once
from tf_emcom.tools.export.folder import ExportFolder
from tf_emcom.tools.reproduce.runner import Runner
from tf_emcom.tools.reproduce.tables import write_report
from tf_emcom.training.mode import Evaluation, Mode
from tf_emcom.training.same_configuration import free_in_tests, refuse_another
from tf_emcom.training.trained_speaker import SPEAKER_CONFIG

_INTERRUPTED = 128 + signal.SIGINT
_PRESETS = Path(__file__).parents[1] / "gin" / "reproduce"


def exit_plainly(command: Callable[[], None], resumes: str = "") -> None:
    """Runs a command, and ends the process where it does not end well.

    A user's mistake prints its one sentence and exits with 2, an interruption exits with 130, SIGTERM with 143. Where
    another process of the run is lost, this one starts again, and waits for it at the last checkpoint.

    Args:
      command: what to run.
      resumes: what the same command does after an interruption, where that is not to go on from a checkpoint.
    """
    stop_at_once()
    try:
        command()
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        _end_at_once(f"Interrupted; the same command {resumes or 'goes on from the last checkpoint'}.", _INTERRUPTED)
    except PeerLost as told:
        print(f"\n{told} Starting again from the last checkpoint, once it is back.", file=sys.stderr, flush=True)
        os.execv(sys.executable, sys.orig_argv)
    except Terminated as told:
        _end_at_once(f"Terminated; the same command {resumes}." if resumes else str(told), told.status)


def _end_at_once(sentence: str, status: int) -> NoReturn:
    """Ends the process without clearing its memory: iterators of tf.data would wait for their threads for long."""
    # A machine that goes away may say so again.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    print(f"\n{sentence}", file=sys.stderr, flush=True)
    sys.stdout.flush()
    os._exit(status)


def run(
    gin_files: Sequence[str],
    gin_params: Sequence[str],
    workdir: str | None,
    data_dir: str | None = None,
    strategy: str = "auto",
    replicas: int | None = None,
    tpu: str | None = None,
    folder: RunFolder | None = None,
    allow_imports: Sequence[str] = (),
    allow_unused: bool = False,
) -> None:
    """Builds what the configuration says and runs its mode in a run's folder.

    Args:
      gin_files: what to read, in this order.
      gin_params: bindings that come after them, `name=value`.
      workdir: the run's folder; None: `runs/<gin files' names>-<seed>`, or for a test the run that is tested.
      data_dir: where TFDS-prepared folders lie; None: where TFDS keeps them.
      strategy: which of the strategies, `auto` choosing by the machine.
      replicas: into how many replicas a CPU is split, to try things out.
      tpu: the TPU to run on, "local" on its own machine; None: none.
      folder: the run, or the export of one, that the gin files come with; None: they are the user's own.
      allow_imports: modules that configurations which come with a run may import, each with what is in it.
      allow_unused: whether a binding that nothing uses is a note and no mistake.
    """
    catalogue.register_components()
    config_checks.allow_imports(allow_imports)
    flags_too = [*gin_params, *([f"ByolFolder.data_dir={data_dir!r}"] if data_dir else [])]
    given = config.load(gin_files, flags_too, comes_with_run=folder is not None)
    chosen, others = _chosen_mode()
    _settle_paths(folder, given, others)
    evaluates = issubclass(chosen, Evaluation)
    mode = build(chosen.__name__)
    # A test compares with the run whose weights it takes, which may be another one than where its results go.
    tested = mode.checkpoint if evaluates else ""
    path = _folder_named(workdir or tested or _default_workdir(gin_files))
    distribution = place(strategy, replicas, tpu, trains=not evaluates)
    source = RunFolder(tested) if tested else folder or RunFolder(path)
    folder = folder or (RunFolder(path) if distribution.is_chief else WorkerFolder(path))
    stored = source.require_config() if evaluates else source.read_config()
    _listen_to_the_kept_speaker(source)
    experiment = build("Experiment", distribution)
    current = config_diff.complete_config()
    _refuse_unused(given, len(gin_params), others, allow_unused)
    if not evaluates:
        # Before anything is written; and read again, since another process may have come first.
        folder.lock()
        stored = folder.read_config()
    if stored is not None and source.has_results():
        if refuse_another(source, stored, current, free_in_tests(chosen.__name__) if evaluates else frozenset()):
            folder.write_config(current)
    elif not evaluates:
        _write_configuration(folder, current, experiment.learner.documents())
    with config.plain_errors(), distribution.watching_peers(), contextlib.closing(folder):
        mode.run(experiment, folder)


def _write_configuration(folder: RunFolder, text: str, documents: Mapping[str, str]) -> None:
    """Makes a folder that of a run with this configuration and what belongs to it."""
    folder.write_config(text)
    for name, content in documents.items():
        folder.write_document(name, content)


def _chosen_mode() -> tuple[type[Mode], set[str]]:
    """The mode that is bound, and the names of all others."""
    known = plug_ins(Mode)
    chosen = choose(config.macro("mode"), known, "mode")
    return chosen, {cls.__name__ for cls in known.values()} - {chosen.__name__}


def _refuse_unused(given: Sequence[Binding], own: int, others: Collection[str], allow: bool) -> None:
    """Refuses those of the first `own` bindings that nothing uses, and points out others, which stand for flags."""
    # What is given for one test of several is no mistake in the others; a kept speaker needs no checkpoint.
    refuse_unused(given[:own], {"checkpoint", *others}, allow)
    # Not all data lie in a folder.
    refuse_unused(given[own:], (), allow=True)


def _settle_paths(folder: RunFolder | None, given: Sequence[Binding], others: Collection[str]) -> None:
    """A folder has one name, wherever a command is started and however the path is spelt.

    Where the configuration comes with a run, in `folder`, its own paths stay there.
    """
    path = config.macro("checkpoint", "")
    if not isinstance(path, str) or "\0" in path:
        raise UserError(f"checkpoint is {path!r:.80}, but it is the folder of a run; bind it to a path in quotes.")
    if path and not is_remote(path):
        config.rebind("checkpoint/gin.macro.value", os.path.realpath(path))
    config.rebind_paths(("data_dir", "cache_dir"))
    if folder:
        _listen_to_the_kept_speaker(folder, always=True)
        config_checks.refuse_outside(folder.path, given, others)


def _listen_to_the_kept_speaker(run: RunFolder, always: bool = False) -> None:
    """A transfer run that has begun has its speaker in its own checkpoints, and needs no other run any more."""
    if run.has_document(SPEAKER_CONFIG) and (always or newest_checkpoint(run.checkpoints)):
        config.rebind("TrainedSpeaker.run", run.path)


def _folder_named(path: str) -> str:
    """The path of a workdir; UserError where something else than a folder is there, on this machine."""
    if not is_remote(path) and os.path.lexists(path) and not os.path.isdir(path):
        what = f"a link to {os.readlink(path)}, where no folder is" if os.path.islink(path) else "no folder"
        raise UserError(f"The workdir {path} is {what}; name another --workdir.")
    return path


def _default_workdir(gin_files: Sequence[str]) -> str:
    name = "-".join(_run_name(file) for file in gin_files)
    return os.path.join("runs", f"{name}-{config.macro('seed', 0)}")


def _run_name(gin_file: str) -> str:
    folder, file = os.path.split(os.path.abspath(gin_file) if "://" not in gin_file else gin_file)
    # A run's own config.gin repeats that run, beside it.
    return f"{os.path.basename(folder)}-repeated" if file == "config.gin" else os.path.splitext(file)[0]


def evaluate(
    workdir: str | None,
    modes: Sequence[str],
    gin_params: Sequence[str],
    data_dir: str | None = None,
    saved_model: str | None = None,
    allow_imports: Sequence[str] = (),
    allow_unused: bool = False,
) -> None:
    """Runs tests on the run in `workdir`, or on an export of one, with the configuration that lies there.

    Args:
      workdir: the run's folder; where results go, if it is an export that is tested, None: to its own folder.
      modes: which tests; none: `testchannel`, or `test` for a transfer run.
      gin_params: bindings that come last.
      data_dir: where TFDS-prepared folders lie.
      saved_model: the folder of the export; None: the run itself is tested.
      allow_imports: modules that the run's configuration may import, each with what is in it.
      allow_unused: whether a binding that nothing uses is a note and no mistake.

    Raises:
      UserError: there is no run, no export, or no such test; or some of several tests failed, all others being done.
    """
    folder = ExportFolder(_folder_named(saved_model), workdir) if saved_model else RunFolder(_folder_named(workdir))
    stored = folder.require_config()
    # Nothing has imported the tests yet.
    catalogue.register_components()
    known = plug_ins(Evaluation)
    for mode in modes:
        choose(mode, known, "test")
    transfers = folder.has_document(SPEAKER_CONFIG)
    if not transfers and re.search("^Experiment.learner_cls = @TransferLearner", stored, re.MULTILINE):
        raise UserError(
            f"{os.path.join(folder.path, SPEAKER_CONFIG)}, which tells of the speaker of a transfer run, is missing;"
            " copy it again, or start the same bin/train command again."
        )
    bindings = [f"{name}={value}" for name, value in folder.bindings.items()]
    # A run that started from another one's weights is tested itself, unless that is asked for.
    own = [] if transfers or not re.search("^checkpoint = ", stored, re.MULTILINE) else ["checkpoint=''"]
    modes = modes or ["test" if transfers else "testchannel"]
    failed = []
    for mode in modes:
        given = [*own, *gin_params, *bindings, f"mode={mode!r}"]
        try:
            run(
                [folder.config], given, folder.path, data_dir,
                folder=folder, allow_imports=allow_imports, allow_unused=allow_unused,
            )  # fmt: skip
        except UserError as error:
            if len(modes) == 1:
                raise
            # The others have nothing to do with it.
            print(f"Error in {mode}: {error}", file=sys.stderr, flush=True)
            failed.append(mode)
    if failed:
        raise UserError(f"{len(failed)} of {len(modes)} tests failed ({', '.join(failed)}); the others are done.")


def reproduce(
    preset: str, out: str | None, jobs: int | None, gin_params: Sequence[str], allow_unused: bool = False
) -> None:
    """Makes the runs of a grid that are not made yet, and writes tables and figures of all that are there.

    Args:
      preset: a file of gin/reproduce/, without its ending.
      out: where everything goes; None: runs/reproduce-<preset>.
      jobs: how many runs are made at a time; None: one a core, or one in all where there is a GPU.
      gin_params: bindings that come last.
      allow_unused: whether a binding that nothing uses is a note and no mistake.

    Raises:
      UserError: there is no such preset, or some of the runs failed; the others are made and in the tables all the
        same.
    """
    known = sorted(file.stem for file in _PRESETS.glob("*.gin"))
    if preset not in known:
        raise UserError(f"There is no preset {preset!r}: {catalogue.suggest(preset, known)}")
    catalogue.register_components()
    given = config.load([str(_PRESETS / f"{preset}.gin")], gin_params)
    with config.plain_errors():
        grid = build("Reproduction")
    refuse_unused(given, (), allow_unused)
    for test in grid.tests:
        choose(test, plug_ins(Evaluation), "test")
    if "://" in (out or ""):
        raise UserError(f"--out is {out}, but grids are made on the local disk; name a folder there.")
    out = os.path.realpath(out or os.path.join("runs", f"reproduce-{preset}"))
    RunFolder(out).lock()
    runs = os.path.join(out, "runs")
    gpu = bool(tf.config.list_physical_devices("GPU"))
    runner = Runner(runs, (1 if gpu else os.cpu_count() or 1) if jobs is None else jobs)
    failed = runner.make(grid.game_cells(runs))
    # A transfer from a speaker that is half trained would stay in the tables for good.
    games = [cell for cell in grid.game_cells(runs) if runner.is_finished(cell)]
    ready = [cell for cell in grid.transfer_cells(runs) if cell.needs in {game.name for game in games}]
    failed |= runner.make(ready)
    transfers = [cell for cell in ready if runner.is_finished(cell)]
    print(f"The tables are in {write_report(out, runs, games, transfers)}, the figures in {out}/figures.")
    if failed:
        name, sentence = next(iter(failed.items()))
        raise UserError(f"{len(failed)} runs failed, the first of them {name}: {sentence}")


def parse_flags(arguments: Sequence[str], required: dict[str, flags.FlagHolder]) -> None:
    """Reads the flags of a command; --help prints them and exits.

    Raises:
      UserError: a flag is unknown, has a bad value, or is missing.
    """
    if {"--help", "-h"} & set(arguments):
        print(f"{sys.modules['__main__'].__doc__}\n{flags.FLAGS.main_module_help()}")
        sys.exit(0)
    try:
        rest = flags.FLAGS(list(arguments))[1:]
    except flags.Error as error:
        raise UserError(f"{error}; --help shows the flags.") from error
    if rest:
        raise UserError(f"The command takes flags only, but was given {' '.join(rest)}; write --flag=value.")
    for name, holder in required.items():
        if not holder.value:
            raise UserError(f"--{name} is missing; --help shows the flags.")
