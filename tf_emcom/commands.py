"""The commands: `tf-emcom NAME --flag=value …`, or in a checkout `bin/NAME`.

Each imports what it needs after its flags are read, so that --help and a wrong flag are answered at once.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

from absl import flags

from tf_emcom.errors import PeerLost, UserError, nearest
from tf_emcom.runtime import early_checks, launch
from tf_emcom.runtime.termination import Terminated, stop_at_once

Given = flags.FlagValues
# Defines a flag among those of a command.
Flag = Callable[[Given], Any]
_INTERRUPTED = 128 + signal.SIGINT


def text(name: str, about: str, default: str | None = None) -> Flag:
    """A flag with a text."""
    return lambda values: flags.DEFINE_string(name, default, about, flag_values=values)


def texts(name: str, about: str) -> Flag:
    """A flag with a text that may be given more than once."""
    return lambda values: flags.DEFINE_multi_string(name, [], about, flag_values=values)


def whole(name: str, about: str, default: int | None = None) -> Flag:
    """A flag with a whole number."""
    return lambda values: flags.DEFINE_integer(name, default, about, flag_values=values)


def number(name: str, about: str, default: float | None = None) -> Flag:
    """A flag with a number."""
    return lambda values: flags.DEFINE_float(name, default, about, flag_values=values)


def switch(name: str, about: str, default: bool = False) -> Flag:
    """A flag that is on or off."""
    return lambda values: flags.DEFINE_bool(name, default, about, flag_values=values)


_GIN_FILE = texts("gin_file", "A gin file, e.g. gin/nlg_digits.gin; may be given more than once.")
_GIN_PARAM = texts("gin_param", "A binding that comes last, e.g. noise=0.5; may be given more than once.")
_WORKDIR = text("workdir", "The run's folder.")
_DATA_DIR = text("data_dir", "The folder of TFDS-prepared data sets; default: ~/tensorflow_datasets.")
_ALLOW_IMPORTS = texts(
    "allow_imports", "A module that the configuration of a run may import, with everything in it; may be repeated."
)
_ALLOW_UNUSED = switch("allow_unused", "Continue where nothing uses a --gin_param.")
_PLUGIN = texts(
    "plugin", "A module of your own to import, e.g. my_lab.tests, so that its classes are found; may be repeated."
)
_CONFIGURATION = (_GIN_PARAM, _DATA_DIR, _ALLOW_IMPORTS, _ALLOW_UNUSED)


class Command(NamedTuple):
    """A command.

    Attributes:
      run: gets the values of the flags, and the arguments between them; its docstring is the command's help.
      flags: what it takes.
      required: the flags that have to be given.
      arguments: what stands between the flags, for the help; empty: nothing may.
      resumes: what it does when it is run again after an interruption; None: it resumes from a checkpoint.
    """

    run: Callable[[Given, list[str]], None]
    flags: tuple[Flag, ...]
    required: tuple[str, ...] = ()
    arguments: str = ""
    resumes: str | None = None


COMMANDS: dict[str, Command] = {}


def _command(*defined: Flag, **kept: Any) -> Callable[[Callable[[Given, list[str]], None]], None]:
    """Makes a function the command of its name."""

    def add(function: Callable[[Given, list[str]], None]) -> None:
        COMMANDS[function.__name__.replace("_", "-")] = Command(function, defined, **kept)

    return add


def _cli() -> Any:
    """The module that does the work, and needs TensorFlow."""
    launch.import_tensorflow()
    from tf_emcom import cli

    return cli


def _allowed(given: Given) -> dict[str, Any]:
    return {"allow_imports": given.allow_imports, "allow_unused": given.allow_unused}


@_command(
    _GIN_FILE,
    *_CONFIGURATION,
    text("workdir", "The run's folder; default: runs/<gin file's name>-<seed>."),
    text("strategy", "auto, one_device, mirrored, multi_worker or tpu.", "auto"),
    text("tpu", "The TPU to train on: its name, or local on its own machine."),
    whole("replicas", "Split a CPU into that many replicas, to try a strategy."),
    required=("gin_file",),
)
def train(given: Given, _: list[str]) -> None:
    """Trains the experiment of a gin file, or runs another mode of it."""
    early_checks.refuse_unknown_names(given.gin_file, given.gin_param)
    cli = _cli()

    placed = given.strategy, given.replicas, given.tpu
    cli.run(given.gin_file, given.gin_param, given.workdir, given.data_dir, *placed, **_allowed(given))


@_command(
    text("workdir", "The run's folder, or where the results of --saved_model go."),
    text("saved_model", "A folder of an export, tested instead of a run; --workdir: for the results."),
    texts("mode", "The test, e.g. testchannel; may be repeated. Default: testchannel, or test for a transfer run."),
    text("checkpoint", "Whose weights: newest, best (as @Validation() found it), or those of a step.", "newest"),
    *_CONFIGURATION,
    _PLUGIN,
)
def evaluate(given: Given, _: list[str]) -> None:
    """Runs tests on a trained run, which only needs its folder, or on an export."""
    if not given.workdir and not given.saved_model:
        raise UserError("Either --workdir or --saved_model has to name what is tested; --help shows the flags.")
    cli = _cli()

    cli.import_plug_ins(given.plugin)
    tested = given.workdir, given.mode, given.gin_param, given.data_dir, given.saved_model
    cli.evaluate(*tested, **_allowed(given), which=given.checkpoint)


@_command(
    _WORKDIR,
    text("out", "The folder to write, local or gs://; default: RUN/export/FORMAT."),
    text("format", "saved_model, or keras for the weights alone.", "saved_model"),
    *_CONFIGURATION,
    _PLUGIN,
    required=("workdir",),
)
def export(given: Given, _: list[str]) -> None:
    """Exports the trained agents of a run: a SavedModel, or their weights alone."""
    cli = _cli()

    cli.import_plug_ins(given.plugin)
    bindings = [f"Export.format={given.format!r}", f"Export.out={given.out or ''!r}"]
    cli.evaluate(given.workdir, ["export"], [*given.gin_param, *bindings], given.data_dir, **_allowed(given))


@_command(
    _WORKDIR,
    text("split", "Which split of the run's data; default: test."),
    texts("format", "The format of the corpus: parquet, jsonl or numpy; may be repeated. Default: all three."),
    number("noise", "The probability with which the channel erases a symbol; default: 0."),
    whole("candidates", "How many inputs a listener chooses among; default: 64, or all of a smaller split."),
    text("out", "The corpus's folder; default: WORKDIR/corpora/SPLIT."),
    *_CONFIGURATION,
    _PLUGIN,
    required=("workdir",),
)
def messages(given: Given, _: list[str]) -> None:
    """Writes the messages and choices of a trained run's agents as a corpus; only needs the run's folder."""
    cli = _cli()

    cli.import_plug_ins(given.plugin)
    chosen = {"split": given.split, "formats": given.format or None, "noise": given.noise, "out": given.out}
    chosen["candidates"] = given.candidates
    bindings = [f"Messages.{name}={value!r}" for name, value in chosen.items() if value is not None]
    cli.evaluate(given.workdir, ["messages"], [*bindings, *given.gin_param], given.data_dir, **_allowed(given))


@_command(
    text("corpus", "Its folder, or a file of JSON lines; --corpus= may be left out."),
    whole("samples", "The largest number of messages that are compared pair by pair.", 2000),
    whole("seed", "Of the draw of these messages.", 42),
    _PLUGIN,
    arguments="CORPUS",
)
def analyse(given: Given, corpora: list[str]) -> None:
    """Measures the language of a corpus, its folder or a file of JSON lines, without the agents."""
    corpora += [given.corpus] if given.corpus else []
    if len(corpora) != 1:
        raise UserError("Name one corpus, as in `analyse RUN/corpora/test`; --help shows the flags.")
    cli = _cli()
    from tf_emcom.evaluation.corpora.analysis import analyse as measure

    cli.import_plug_ins(given.plugin)
    measure(corpora[0], given.samples, given.seed)


@_command(
    text("out", "The page; default: report.html in the run's folder, or in the current folder for several runs."),
    _PLUGIN,
    arguments="RUN [RUN…]",
)
def report(given: Given, runs: list[str]) -> None:
    """Writes a page for the browser about one or several runs; only needs their folders."""
    cli = _cli()
    from tf_emcom.tools.report.report import write_report

    cli.import_plug_ins(given.plugin)
    print(f"The report is in {write_report(runs, given.out)}.")


@_command(
    text("preset", "The grid: eas_offline, offline or another file of gin/reproduce/; or the path of such a file."),
    text("out", "The folder of runs, tables and figures; default: runs/reproduce-<preset>."),
    whole("jobs", "Runs at a time; default: one for each core, or one in all with a GPU."),
    switch("list", "Show the cells of the grid with their commands, and make nothing."),
    whole("cell", "Make only the cell of that number in the list, and no tables; for job arrays."),
    _GIN_PARAM,
    _ALLOW_UNUSED,
    required=("preset",),
)
def reproduce(given: Given, _: list[str]) -> None:
    """Trains and tests a grid of runs, and writes its tables and figures; resumes when it is run again."""
    cli = _cli()

    # Treated as an interruption, so that the runs are stopped too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    cell = given["cell"].value
    cli.reproduce(given.preset, given.out, given.jobs, given.gin_param, given.allow_unused, given["list"].value, cell)


@_command(
    _GIN_FILE,
    *_CONFIGURATION,
    text("topology", "Chip and shape of the TPU, e.g. v4:2x2x1 or v6e:2x2.", "v5e:2x2"),
    whole("replicas", "Replicas that share a batch; default: all devices of the topology."),
    whole("features", "Use random inputs of that many features, e.g. 2048, as data."),
    text("json", "A file to write the numbers to, as JSON."),
    required=("gin_file",),
)
def preflight(given: Given, _: list[str]) -> None:
    """Compiles the training step of a gin file for a TPU, without one, and reports what it needs."""
    launch.import_tensorflow()
    from tf_emcom.runtime.run_folder import require_writable
    from tf_emcom.tools.preflight import preflight as tool
    from tf_emcom.tools.preflight.findings import Refused

    if given.json:
        require_writable(given.json)
    asked = given.gin_file, given.gin_param, given.topology, given.replicas, given.data_dir, given.features
    try:
        found = tool.preflight(*asked, given.allow_imports, given.allow_unused)
    except Refused as reason:
        print(f"Refused: {reason}", file=sys.stderr)
        sys.exit(1)
    print(found.text())
    if given.json:
        found.write(given.json)


@_command(
    text("images", "The folder of images: FOLDER/<class>/*.jpg, FOLDER/*.jpg, or FOLDER/{train,valid,test}/…"),
    text("name", "The name of the data set.", "features"),
    text("encoder", "A model of keras.applications, e.g. ResNet50; or the path of a .keras file or of a SavedModel."),
    text("weights", "The file of a keras.applications model's weights; or random."),
    text("data_dir", "Where to write the data set; default: ~/tensorflow_datasets."),
    whole("batch_size", "The number of images that are encoded together.", 32),
    whole("keep_images", "The side, in pixels, of the stored images; 0: store none.", 64),
    text("splits", "Shares of train, valid and test; default: 0.8,0.1,0.1."),
    whole("seed", "Draws the splits, and random weights.", 0),
    whole("image_size", "The side, in pixels, of the encoder's input; default: its own."),
    text("pixel_range", "The numbers of black and white for an encoder from a path, e.g. -1,1; default: 0,255."),
    whole("shard_size", "Images in each file; a killed command loses at most one file.", 2048),
    switch("standardise", "Give each feature mean 0 and standard deviation 1 over the training split.", True),
    switch("skip_broken", "Leave out images that cannot be decoded."),
    _PLUGIN,
    required=("images", "encoder"),
    resumes="resumes with the files that are not finished",
)
def prepare_features(given: Given, _: list[str]) -> None:
    """Turns a folder of images into a data set of features, which `train` takes by name."""
    cli = _cli()
    from tf_emcom.tools.prepare.prepare import prepare

    cli.import_plug_ins(given.plugin)
    print(prepare(given))


@_command(_PLUGIN, arguments="[NAME…]")
def components(given: Given, names: list[str]) -> None:
    """Lists every component that gin files can name, or describes some: parameters, defaults, what they do."""
    cli = _cli()
    from tf_emcom.tools import components as listing

    cli.import_plug_ins(given.plugin)
    print(listing.described(names) if names else listing.listed())


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command and ends the process: a user's mistake prints its sentence, with status 2."""
    rest = [*(sys.argv[1:] if arguments is None else arguments)]
    name = rest[0].replace("_", "-") if rest else "--help"
    if name in ("--help", "-h", "help"):
        print(_overview())
        return
    if name == "--version":
        import tf_emcom

        print(tf_emcom.__version__)
        return
    if name not in COMMANDS:
        ended_plainly(lambda: _unknown(name))
    start(COMMANDS[name], name, rest[1:])


def _unknown(name: str) -> NoReturn:
    near = nearest(name, COMMANDS)
    hint = f"did you mean {near}?" if near else f"there are {', '.join(COMMANDS)}."
    raise UserError(f"There is no command {name!r}; {hint}")


def start(command: Command, name: str, arguments: Sequence[str]) -> None:
    """Runs a command with its arguments, and ends the process after an error."""
    ended_plainly(lambda: _run(command, name, arguments), command.resumes)


def _run(command: Command, name: str, arguments: Sequence[str]) -> None:
    values = flags.FlagValues()
    for define in command.flags:
        define(values)
    if {"--help", "-h"} & set(arguments):
        flags_help = values.get_help(include_special_flags=False)
        print(f"tf-emcom {name} {command.arguments}\n\n{command.run.__doc__}\n{flags_help}")
        return
    values.set_gnu_getopt(bool(command.arguments))
    try:
        rest = values([name, *arguments])[1:]
    except flags.Error as error:
        raise UserError(f"{error}; {_advice(values, arguments)}--help shows the flags.") from error
    if rest and not command.arguments:
        raise UserError(f"The command takes flags only, but was given {' '.join(rest)}; write --flag=value.")
    for flag in command.required:
        if not values[flag].value:
            raise UserError(f"--{flag} is missing; --help shows the flags.")
    command.run(values, rest)


def _advice(values: Given, arguments: Sequence[str]) -> str:
    """What may be meant by an unknown flag: a binding."""
    unknown = [each for each in arguments if "=" in each and each.strip("-").partition("=")[0] not in values]
    return f"a binding is written --gin_param={unknown[0].strip('-')}; " if unknown and "gin_param" in values else ""


def ended_plainly(command: Callable[[], None], resumes: str | None = None) -> None:
    """Runs a command, and ends the process after an error.

    A user's mistake prints its sentence and exits with 2, an interruption exits with 130, SIGTERM with 143. Where
    another process of the run is lost, this one starts again, and waits for it at the last checkpoint.
    """
    stop_at_once()
    try:
        command()
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        rest = resumes or "resumes from the last checkpoint"
        _end_at_once(f"Interrupted; the same command {rest}.", _INTERRUPTED)
    except PeerLost as loss:
        print(f"\n{loss} Starting again from the last checkpoint, once it is back.", file=sys.stderr, flush=True)
        os.execv(sys.executable, sys.orig_argv)
    except Terminated as end:
        _end_at_once(f"Terminated; the same command {resumes}." if resumes else str(end), end.status)


def _end_at_once(sentence: str, status: int) -> NoReturn:
    """Ends the process without freeing its memory: iterators of tf.data would wait for their threads for long."""
    # A machine that stops may send the signal again.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    print(f"\n{sentence}", file=sys.stderr, flush=True)
    sys.stdout.flush()
    os._exit(status)


def _overview() -> str:
    lines = [f"  {name:18}{(command.run.__doc__ or '').splitlines()[0]}" for name, command in COMMANDS.items()]
    return "\n".join(
        ["tf-emcom COMMAND --flag=value …", "", *lines, "", "tf-emcom COMMAND --help shows the flags of a command."]
    )
