"""Who compiles the steps of a run on a CPU in half precision."""

import json
import os

from tf_emcom.data.pipeline import Pipeline
from tf_emcom.errors import UserError
from tf_emcom.experiment import Experiment
from tf_emcom.runtime.compiler_choice import CompilerChoice
from tf_emcom.runtime.run_folder import RunFolder

_DOCUMENT = "compiler.json"


def settle_compiler(experiment: Experiment, pipeline: Pipeline, folder: RunFolder) -> None:
    """Where it is open whether XLA compiles, tries both, keeps to the faster one, and says so.

    What was measured is kept in the run's folder, since a run that is resumed must go on as it began to come to the
    same numbers.
    """
    if not experiment.may_choose_compiler:
        return
    if folder.has_document(_DOCUMENT):
        text = folder.read_document(_DOCUMENT)
        try:
            stored = json.loads(text)
            choice = CompilerChoice(graph=float(stored["graph"]), xla=float(stored["xla"]))
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise UserError(
                f"{os.path.join(folder.path, _DOCUMENT)} is damaged (it holds no two times, graph and xla); remove it,"
                " and which compiler is faster is measured again."
            ) from error
    else:
        choice = experiment.compiler_choice(pipeline)
        folder.write_document(_DOCUMENT, json.dumps(choice._asdict()) + "\n")
    experiment.distribution.jit_compile = choice.jit_compile
    print(choice, flush=True)
