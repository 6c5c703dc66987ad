"""The training step of a configuration, exported for the compiler."""

import re
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from tf_emcom.agents.speaker import Speaker
from tf_emcom.tools.preflight.findings import Line, Refused, SourceLines
from tf_emcom.training.experiment import Experiment
from tf_emcom.training.trainee import Metrics, Trainee, Turn
from tf_emcom.types import Batch


class UntrainedSpeaker:
    """An untrained speaker, by default of the size in EaS's and NEC's code; its weights change no costs."""

    def __init__(self, vocab_size: int = 20, message_length: int = 10) -> None:
        self._sizes = {"vocab_size": vocab_size, "message_length": message_length}

    def speaker(self, features: int) -> Speaker:
        """The speaker, for inputs of `features` features."""
        speaker = Speaker(**self._sizes)
        speaker.build((None, features))
        return speaker

    def documents(self) -> dict[str, str]:
        return {}

    def subjects(self, count: int, seed: int) -> None:
        """None: its messages are about the inputs of the games."""
        return None


_MISSING = re.compile(r"No registered '(\w+)' OpKernel")
_NODE = re.compile(r"\{\{node ([^}]+)\}\}")
_FRAME = re.compile(r'File "([^"]+)", line (\d+), in ')

# Enough examples to know the shapes of a batch.
_A_FEW = 8


class ExportedStep:
    """One turn of one replica: its gradients, and the update with summed gradients.

    The collectives between the two are left out, since the compiler for CPUs, which exports the step, has none.

    Attributes:
      turns: turns a step.
      local_games: games of one replica.
      gradient_bytes: of the gradients that replicas sum.
      candidate_bytes: of the candidates that replicas gather, of all games.
      weight_bytes: of weights and optimizer state.
      stacks: the shapes of stacked variables, where there are several agents.
      lines: the lines of its ops.
      hlo: the program, a serialised HLO module.
    """

    def __init__(self, experiment: Experiment, replicas: int) -> None:
        """Traces the step and exports it.

        Raises:
          UserError: the configuration is wrong.
          Refused: the step has an op that XLA cannot compile.
        """
        learner: Trainee = experiment.learner
        self.local_games = experiment.batch_size // replicas
        self.lines = SourceLines()
        turns = learner.turns(tf.constant(0, tf.int64))
        self.turns = turns.shape[0]
        batch, candidates = _specs(experiment, self.local_games)
        self.candidate_bytes = _bytes_of([candidates])
        groups = (*learner.agents.values(), *learner.optimizer_state.values())
        variables: Sequence[keras.Variable] = list({id(v): v for group in groups for v in group}.values())
        self.weight_bytes = _bytes_of(variables)
        several = learner.speakers * learner.listeners > 1
        self.stacks = {tuple(v.shape) for v in variables if several and v.shape and v.shape[0] > 1}
        step, first_game = tf.TensorSpec((), tf.int64), tf.TensorSpec((), tf.int32)
        given = Turn(batch, candidates, step, first_game, tf.TensorSpec(turns.shape[1:], turns.dtype))

        def replica(*flat: tf.Tensor) -> Metrics:
            turn: Turn = tf.nest.pack_sequence_as(given, flat)
            gradients, metrics = learner.gradients(turn)
            self.gradient_bytes = _bytes_of(tf.nest.flatten(gradients, expand_composites=True))
            learner.apply(gradients, turn.step, turn.row)
            self.lines.note(tf.compat.v1.get_default_graph())
            return metrics

        function = tf.function(replica, jit_compile=True, autograph=False)
        # Traces the step, which finds errors of the configuration.
        export = function.experimental_get_compiler_ir(*tf.nest.flatten(given))
        try:
            self.hlo: bytes = export(stage="hlo_serialized", platform_name="CPU")
        except (ValueError, tf.errors.OpError) as error:
            raise Refused(self._explained(str(error))) from error

    def _explained(self, message: str) -> str:
        """XLA's message about an op that it does not know, with the line that made the op."""
        unknown, node = _MISSING.search(message), _NODE.search(message)
        created = message.partition("The op is created at:")[2].partition("tf2xla conversion failed")[0]
        frames = _FRAME.findall(created)
        line = Line(self.lines.complete(frames[-1][0]), int(frames[-1][1]), False) if frames else None
        if line is None and node:
            line = self.lines.of(node[1])
        place = f", made by {line}" if line else ""
        if unknown:
            return (
                f"XLA, which compiles for TPUs, has no op {unknown[1]}{place}. Replace it by TensorFlow's numeric ops;"
                " prepare what needs Python or text in the data set, before the step."
            )
        plain = " ".join(message.removeprefix("Failed getting HLO text: ").split())
        return f"XLA cannot compile the step{place}: {plain:.600}"


def _specs(experiment: Experiment, local_games: int) -> tuple[Batch, tf.TensorSpec]:
    """The shapes of one replica's games and of all candidates."""
    learner = experiment.learner
    inputs, labels = np.zeros((_A_FEW, experiment.data.features()), np.float32), {}
    if learner.labels:
        # Only the shapes of the labels are needed, so the smallest split is loaded.
        examples = experiment.data.load("test", learner.labels)
        inputs, labels = examples.inputs[:_A_FEW], {name: v[:_A_FEW] for name, v in examples.labels.items()}
    inputs, labels = learner.prepare(inputs, labels, experiment.data.name)
    runs = (len(learner.seeds()),) if learner.independent else ()

    def spec(array: np.ndarray, games: int) -> tf.TensorSpec:
        return tf.TensorSpec((games, *runs, *array.shape[1:]), array.dtype)

    batch = Batch(spec(inputs, local_games), {name: spec(array, local_games) for name, array in labels.items()})
    return batch, spec(inputs, experiment.batch_size)


def _bytes_of(tensors: Sequence) -> int:
    return sum(int(np.prod(t.shape)) * tf.as_dtype(t.dtype).size for t in tensors)
