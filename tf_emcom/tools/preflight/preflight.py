"""From a configuration to a report."""

import contextlib
from collections.abc import Sequence

from tf_emcom.errors import UserError, require_even_shares, require_integer
from tf_emcom.runtime import catalogue, config, config_checks
from tf_emcom.runtime.config import build
from tf_emcom.runtime.config_checks import refuse_unused
from tf_emcom.runtime.config_file import Binding
from tf_emcom.tools.preflight.compiler import TpuCompiler, too_large
from tf_emcom.tools.preflight.findings import Refused
from tf_emcom.tools.preflight.report import Report, Setting
from tf_emcom.tools.preflight.step import ExportedStep, UntrainedSpeaker
from tf_emcom.tools.preflight.work import chip_of
from tf_emcom.training.experiment import Experiment
from tf_emcom.training.mode import Mode

# Enough to know the shapes of an example.
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
    """Compiles the training step of a configuration for a TPU; the machine needs none.

    Args:
      gin_files: are read in this order.
      gin_params: bindings that come after them, `name=value`.
      topology: the TPU, such as "v5e:2x2".
      replicas: number of replicas that share a batch; None: every device of the topology.
      data_dir: the folder of TFDS-prepared data sets; None: TFDS' own.
      features: number of random features that replace the data set; None: the data set is used.
      allow_imports: modules that the configuration of a speaker's run may import, each with all modules in it.
      allow_unused: print a note about a binding that nothing uses, instead of an error.

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
        raise Refused(too_large(f"{compiled.memory / 2**30:.1f} GiB", f"{chip.memory / 2**30:.0f} GiB"))
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
        source = "TransferLearner.speaker_source"
        # A game has none.
        with contextlib.suppress(UserError):
            if config.referenced(source).__name__ == "ShuffledSpeaker":
                source = "ShuffledSpeaker.source"
        # Transfer files bind both to None: a trained speaker would have its own.
        sizes = (config.macro(name, None) or size for name, size in (("vocab_size", 20), ("message_length", 10)))
        config.rebind(source, UntrainedSpeaker(*sizes))
    if features is None:
        try:
            config.macro("data").features()
        except UserError as error:
            fix = "To run without the data set, add --features=2048 for random features."
            raise UserError(f"{error} {fix}") from error
    with config.plain_errors():
        return build("Experiment", build("OneDevice")), given[: len(gin_params)]
