"""Who compiles the steps of a run on a CPU in half precision."""

import json

import tensorflow as tf

from tf_emcom.data.pipeline import Pipeline
from tf_emcom.experiment import Experiment
from tf_emcom.runtime.compiler_choice import CompilerChoice, measure
from tf_emcom.runtime.run_folder import RunFolder

_DOCUMENT = "compiler.json"


def settle_compiler(experiment: Experiment, pipeline: Pipeline, folder: RunFolder) -> None:
    """Where it is open whether XLA compiles, tries both, keeps to the faster one, and says so.

    In float32 it is not open: on CPUs graph mode has always been faster, and trying takes seconds. What was measured is
    kept in the run's folder, since a run that is resumed must go on as it began to come to the same numbers.
    """
    placed = experiment.distribution
    if not placed.may_choose or experiment.precision == "float32":
        return
    if folder.has_document(_DOCUMENT):
        choice = CompilerChoice(**json.loads(folder.read_document(_DOCUMENT)))
    else:
        choice = _measured(experiment, pipeline)
        folder.write_document(_DOCUMENT, json.dumps(choice._asdict()) + "\n")
    placed.jit_compile = choice.jit_compile
    print(choice, flush=True)


def _measured(experiment: Experiment, pipeline: Pipeline) -> CompilerChoice:
    learner = experiment.learner
    step, batch = pipeline.at(experiment.distribution.strategy, 0)
    return measure(learner.gradients, (batch, batch.inputs, step, tf.constant(0), learner.turns(step)[0]))
