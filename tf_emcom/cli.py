"""The work of the commands: they read a configuration, build it and run its mode; mistakes get one sentence."""

import contextlib
import os
import re
import shlex
import sys
from collections.abc import Collection, Mapping, Sequence

import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.files import is_remote
from tf_emcom.runtime import catalogue, config, config_checks, config_diff
from tf_emcom.runtime.catalogue import choose, plug_ins
from tf_emcom.runtime.checkpoint_files import checkpoint_steps
from tf_emcom.runtime.checkpoints import NEWEST, require_known
from tf_emcom.runtime.config import build
from tf_emcom.runtime.config_checks import refuse_unused
from tf_emcom.runtime.config_file import Binding
from tf_emcom.runtime.placement import place
from tf_emcom.runtime.run_folder import RunFolder, WorkerFolder
from tf_emcom.tools.export.folder import ExportFolder
from tf_emcom.tools.reproduce.presets import folder_of, listed, load_preset, make_cell
from tf_emcom.tools.reproduce.runner import Runner
from tf_emcom.tools.reproduce.tables import write_report
from tf_emcom.training.mode import Evaluation, Mode
from tf_emcom.training.same_configuration import free_in_tests, refuse_another
from tf_emcom.training.trained_speaker import SPEAKER_CONFIG


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
    """Builds the components of a configuration, and runs its mode in a run's folder.

    Args:
      gin_files: read in this order.
      gin_params: bindings that come after the files, `name=value`.
      workdir: the run's folder; None: `runs/<gin files' names>-<seed>`, or for a test the run that is tested.
      data_dir: the folder of TFDS-prepared data sets; None: that of TFDS.
      strategy: the name of a strategy; `auto` chooses by the machine.
      replicas: the number of replicas that a CPU is split into, to try a strategy.
      tpu: the TPU to run on, "local" on its own machine; None: none.
      folder: the run, or its export, that the gin files belong to; None: they are the user's own.
      allow_imports: modules that the configuration of a run may import, each with everything in it.
      allow_unused: whether a binding that nothing uses gives a note instead of an error.
    """
    _register(allow_imports)
    flags_too = [*gin_params, *([f"ByolFolder.data_dir={data_dir!r}"] if data_dir else [])]
    given = config.load(gin_files, flags_too, comes_with_run=folder is not None)
    chosen, others = _chosen_mode()
    _settle_paths(folder, given, others)
    evaluates, mode = issubclass(chosen, Evaluation), build(chosen.__name__)
    # A test may take its weights from another run than the one where its results go; it is compared with that run.
    tested = mode.checkpoint if evaluates else ""
    path = _folder_named(workdir or tested or _default_workdir(gin_files))
    distribution = place(strategy, replicas, tpu, not evaluates, mode.threads_per_operation)
    source = RunFolder(tested) if tested else folder or RunFolder(path)
    folder = folder or (RunFolder(path) if distribution.is_chief else WorkerFolder(path))
    stored = source.require_config() if evaluates else source.read_config()
    _listen_to_the_kept_speaker(source)
    experiment = build("Experiment", distribution)
    current = config_diff.complete_config()
    # A binding for one test of several is right in the others; a transfer run has its speaker and needs no checkpoint.
    refuse_unused(given[: len(gin_params)], {"checkpoint", *others}, allow_unused)
    refuse_unused(given[len(gin_params) :], (), allow=True)  # not every data set is in a folder
    if not evaluates:
        # Before anything is written; the configuration is read again, since another process may have been faster.
        folder.lock()
        stored = folder.read_config()
    if stored is not None and source.has_results():
        if refuse_another(source, stored, current, free_in_tests(chosen.__name__) if evaluates else frozenset()):
            folder.write_config(current)
    elif not evaluates:
        folder.write_config(current)
        for name, content in experiment.learner.documents().items():
            folder.write_document(name, content)
    with config.plain_errors(), distribution.watching_peers(), contextlib.closing(folder):
        mode.run(experiment, folder)
    _name_the_test(path, data_dir, "" if evaluates or not distribution.is_chief else current)


def _name_the_test(path: str, data_dir: str | None, configuration: str) -> None:
    """Prints the command that tests a run with this configuration; nothing where it is empty."""
    flags = [f"--workdir={path}", *([f"--data_dir={data_dir}"] if data_dir else [])]
    modules = dict.fromkeys(re.findall(r"^import ([^.\s]+)", configuration, re.MULTILINE))
    words = ["tf-emcom", "evaluate", *flags, *(f"--allow_imports={module}" for module in modules)]
    if configuration:
        print(f"Test it with `{shlex.join(words)}`.", flush=True)


def _register(allow_imports: Sequence[str]) -> None:
    """Registers all components, and the modules that the configuration of a run may import."""
    catalogue.register_components()
    config_checks.allow_imports(allow_imports)


def _chosen_mode() -> tuple[type[Mode], set[str]]:
    """The class of the mode that is bound, and the names of the classes of all other modes."""
    known = plug_ins(Mode)
    chosen = choose(config.macro("mode"), known, "mode")
    return chosen, {cls.__name__ for cls in known.values()} - {chosen.__name__}


def _settle_paths(folder: RunFolder | None, given: Sequence[Binding], others: Collection[str]) -> None:
    """Makes paths absolute, so that they are the same from every working directory.

    Where the configuration comes with a run, in `folder`, its paths have to be in that folder.
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
    """A transfer run that was started has its speaker in its own checkpoints, and does not need the other run."""
    if run.has_document(SPEAKER_CONFIG) and (always or checkpoint_steps(run.checkpoints)):
        config.rebind("TrainedSpeaker.run", run.path)


def _folder_named(path: str) -> str:
    """The path of a workdir; UserError where a local path is something else than a folder."""
    if not is_remote(path) and os.path.lexists(path) and not os.path.isdir(path):
        what = f"a link to {os.readlink(path)}, where no folder is" if os.path.islink(path) else "no folder"
        raise UserError(f"The workdir {path} is {what}; name another --workdir.")
    return path


def _default_workdir(gin_files: Sequence[str]) -> str:
    names = []
    for gin_file in gin_files:
        folder, file = os.path.split(gin_file if is_remote(gin_file) else os.path.abspath(gin_file))
        # A run's own config.gin repeats that run in a folder beside it.
        names.append(f"{os.path.basename(folder)}-repeated" if file == "config.gin" else os.path.splitext(file)[0])
    return os.path.join("runs", f"{'-'.join(names)}-{config.macro('seed', 0)}")


def evaluate(
    workdir: str | None,
    modes: Sequence[str],
    gin_params: Sequence[str],
    data_dir: str | None = None,
    saved_model: str | None = None,
    allow_imports: Sequence[str] = (),
    allow_unused: bool = False,
    which: str = NEWEST,
) -> None:
    """Runs tests on the run in `workdir`, or on an export, with the configuration in that folder.

    For an export, in `saved_model`, `workdir` is the folder of the results; None: the export's own. Without `modes`, it
    runs `testchannel`, or `test` for a transfer run. `which` checkpoint is tested: newest, best, or a step. The other
    parameters are those of `run`.

    Raises:
      UserError: there is no run, no export, or no such test; or some of several tests failed, and the others are done.
    """
    require_known(which)
    named = _folder_named(saved_model or workdir)  # type: ignore[arg-type]  # the commands ask for one of them
    folder = ExportFolder(named, workdir) if saved_model else RunFolder(named)
    folder.which = which
    stored = folder.require_config()
    # The configuration may import the module of a test.
    _register(allow_imports)
    config.load([folder.config], (), comes_with_run=True)
    known = plug_ins(Evaluation)
    for mode in modes:
        choose(mode, known, "test")
    transfers = folder.has_document(SPEAKER_CONFIG)
    if not transfers and re.search("^Experiment.learner_cls = @TransferLearner", stored, re.MULTILINE):
        raise UserError(
            f"{os.path.join(folder.path, SPEAKER_CONFIG)}, which describes the speaker of a transfer run, is missing;"
            " copy it again, or run the same tf-emcom train command again."
        )
    bindings = [f"{name}={value}" for name, value in folder.bindings.items()]
    # A run that started from another run's weights is tested itself, unless a binding says otherwise.
    own = [] if transfers or not re.search("^checkpoint = ", stored, re.MULTILINE) else ["checkpoint=''"]
    modes = modes or ["test" if transfers else "testchannel"]
    _note_other_tests(gin_params, {cls.__name__: mode for mode, cls in known.items() if mode not in modes})
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
            # The other tests do not depend on it.
            print(f"Error in {mode}: {error}", file=sys.stderr, flush=True)
            failed.append(mode)
    if failed:
        raise UserError(f"{len(failed)} of {len(modes)} tests failed ({', '.join(failed)}); the others are done.")


def _note_other_tests(gin_params: Sequence[str], others: Mapping[str, str]) -> None:
    """Names on standard error the bindings of tests that this command does not run: class ↦ mode in `others`."""
    for text in gin_params:
        component = text.partition("=")[0].strip().rpartition("/")[2].split(".")[-2:][0]
        if component in others:
            print(
                f"Note: --gin_param {text} has no effect, since this command does not run {others[component]}; add"
                f" --mode={others[component]}, or leave the binding out.",
                file=sys.stderr,
            )


def import_plug_ins(modules: Sequence[str]) -> None:
    """Imports modules of a user's own, so that their classes are found by name as those of the package are.

    Raises:
      UserError: one cannot be imported, or has a class of a name that is taken.
    """
    catalogue.register_components()
    for module in modules:
        catalogue.import_module(module, f"--plugin={module}")


def reproduce(
    preset: str,
    out: str | None,
    jobs: int | None,
    gin_params: Sequence[str],
    allow_unused: bool = False,
    shows: bool = False,
    cell: int | None = None,
) -> None:
    """Trains and tests the missing runs of a grid, and writes tables and figures of all runs.

    Args:
      preset: the name of a file in gin/reproduce/, without its ending; or the path of any such file.
      out: the folder of everything; None: runs/reproduce-<preset>.
      jobs: the number of runs at a time; None: one for each core, or one in all where there is a GPU.
      gin_params: bindings that come last.
      allow_unused: as for `run`.
      shows: whether the cells are only listed, with their commands.
      cell: the number of the only one that is made, in that list; None: all, with the tables.

    Raises:
      UserError: there is no such preset, or some of the runs failed; the tables have the others.
    """
    catalogue.register_components()
    grid, out = load_preset(preset, gin_params, allow_unused), folder_of(preset, out)
    runs = os.path.join(out, "runs")
    if shows:
        print(listed(grid.cells(runs), Runner(runs, 1)))
        return
    if cell is not None:
        make_cell(cell, grid.cells(runs), Runner(runs, 1))
        return
    RunFolder(out).lock()
    gpu = bool(tf.config.list_physical_devices("GPU"))
    runner = Runner(runs, (1 if gpu else os.cpu_count() or 1) if jobs is None else jobs)
    failed = runner.make(grid.game_cells(runs))
    # A transfer from a half-trained speaker would stay in the tables.
    games = [each for each in grid.game_cells(runs) if runner.is_finished(each)]
    ready = [each for each in grid.transfer_cells(runs) if each.needs in {game.name for game in games}]
    failed |= runner.make(ready)
    transfers = [each for each in ready if runner.is_finished(each)]
    asked = grid.claims, grid.published, grid.modes, grid.best_of
    print(f"The tables are in {write_report(out, runs, games, transfers, *asked)}, the figures in {out}/figures.")
    if failed:
        name, sentence = next(iter(failed.items()))
        raise UserError(f"{len(failed)} runs failed, the first of them {name}: {sentence}")
