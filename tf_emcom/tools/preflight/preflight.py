"""From a configuration to a report."""

from collections.abc import Sequence

from tf_emcom.data.source import Source
from tf_emcom.errors import UserError, require_even_shares, require_integer
from tf_emcom.runtime import catalogue, config, config_checks
from tf_emcom.runtime.config import build
from tf_emcom.runtime.config_checks import refuse_unused
from tf_emcom.runtime.config_file import Binding
from tf_emcom.tools.preflight.compiler import TpuCompiler
from tf_emcom.tools.preflight.findings import Refused
from tf_emcom.tools.preflight.report import Report, Setting
from tf_emcom.tools.preflight.step import ExportedStep, UntrainedSpeaker
from tf_emcom.tools.preflight.work import chip_of
from tf_emcom.training.experiment import Experiment
from tf_emcom.training.mode import Mode

# Enough to see what an example is made of.
_EXAMPLES = 64


def preflight(
    gin_files: Sequence[str],
    gin_params: Sequence[str],
    topology: str,
    replicas: int | None = None,
    data_dir: str | None = None,
    features: int | None = None,
    allow_imports: Sequence[str] = (),
    allow_unused: bool = False,
) -> Report:
    """Compiles the training step of a configuration for a TPU that need not be there.

    Args:
      gin_files: what to read, in this order.
      gin_params: bindings that come after them, `name=value`.
      topology: the TPU, such as "v5e:2x2".
      replicas: how many share a batch; None: every device of the topology.
      data_dir: where TFDS-prepared folders lie; None: where TFDS keeps them.
      features: so many random features in place of the data set; None: the data set.
      allow_imports: modules that the configuration of a speaker's run may import, each with what is in it.
      allow_unused: whether a binding that nothing uses is a note and no mistake.

    Returns:
      What the compiled step tells of itself.

    Raises:
      UserError: the configuration or a flag is wrong, or the compiler is not installed.
      Refused: the step cannot be compiled, or does not fit.
    """
    chip = chip_of(topology)
    config_checks.allow_imports(allow_imports)
    experiment, given = _experiment(gin_files, gin_params, data_dir, features)
    refuse_unused(given, {"checkpoint", *catalogue.names_below(Mode)}, allow_unused)
    compiler = TpuCompiler(topology, chip.chip_config)
    replicas = compiler.devices if replicas is None else replicas
    require_integer("--replicas", replicas, 1, "it counts the replicas that share a batch")
    require_even_shares(experiment.batch_size, replicas, ", or name another number of --replicas")
    with config.plain_errors():
        step = ExportedStep(experiment, replicas)
    compiled = compiler.compile(step.hlo, step.lines)
    setting = Setting(
        " ".join([*gin_files, *gin_params]), topology, compiler.kind, chip, replicas, experiment.batch_size,
        experiment.precision,
    )  # fmt: skip
    report = Report(setting, step, compiled)
    if not report.fits:
        raise Refused(
            f"The step does not fit: it needs {compiled.memory / 2**30:.1f} GiB of memory and the chip has"
            f" {chip.memory / 2**30:.0f} GiB. Bind batch_size to less, spread it over more replicas, or choose a larger"
            " chip."
        )
    return report


def _experiment(
    gin_files: Sequence[str], gin_params: Sequence[str], data_dir: str | None, features: int | None
) -> tuple[Experiment, Sequence[Binding]]:
    """The experiment, and the user's bindings."""
    catalogue.register_components()
    extra = [f"ByolFolder.data_dir={data_dir!r}"] if data_dir else []
    if features is not None:
        require_integer("--features", features, 1, "it counts the features of an input")
        sizes = {"features": features, "examples": _EXAMPLES}
        extra += ["data=@RandomFeatures()", *(f"RandomFeatures.{name}={size}" for name, size in sizes.items())]
    given = config.load(gin_files, [*gin_params, *extra])
    if not config.macro("checkpoint", ""):
        speaker = UntrainedSpeaker(config.macro("vocab_size", None), config.macro("message_length", None))
        config.rebind("ShuffledSpeaker.source" if _mixes_up() else "TransferLearner.speaker_source", speaker)
    if features is None:
        _require_data(config.macro("data"))
    with config.plain_errors():
        return build("Experiment", build("OneDevice")), given[: len(gin_params)]


def _mixes_up() -> bool:
    """Whether the configuration has the control whose messages mean nothing, around the speaker's own source."""
    try:
        return config.referenced("TransferLearner.speaker_source").__name__ == "ShuffledSpeaker"
    except UserError:
        return False


def _require_data(data: Source) -> None:
    try:
        data.features()
    except UserError as error:
        raise UserError(
            f"{error} To do without the data, add --features=2048: random features take its place."
        ) from error
