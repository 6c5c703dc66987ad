"""The composition root: everything one run is made of."""

import json
import math
import os
from collections.abc import Callable

import tensorflow as tf

from tf_emcom.checks import Checked, Count, Index, Repeats
from tf_emcom.data.pipeline import Pipeline
from tf_emcom.data.source import Source, finite_only
from tf_emcom.errors import UserError
from tf_emcom.games.lewis import Rules
from tf_emcom.runtime.compiler import CompilerChoice, bfloat16_speed, computing_in, measure
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.runtime.strategies import Distribution
from tf_emcom.schedules import varied_in
from tf_emcom.training.learner import Learner
from tf_emcom.training.populations.independent_pairs import IndependentPairs
from tf_emcom.training.trainee import Agents, Turn


class Experiment(Checked):
    """Game, data and agents, the agents being built within the strategy's scope."""

    def __init__(
        self,
        distribution: Distribution,
        game: Rules,
        data: Source,
        learner_cls: Callable[..., Agents] = Learner,
        independent_cls: Callable[..., Agents] = IndependentPairs,
        batch_size: Count = 1024,
        steps: Count = 750_000,
        seed: Index = 0,
        seeds: Repeats = 1,
        precision: str = "float32",
    ) -> None:
        """Builds the agents; no examples are read yet.

        `batch_size` is B, the games of a step over all replicas. With several `seeds`, from `seed` on, as many runs are
        trained at once, and `independent_cls` makes their agents, as it does where numbers are `Varied`. The
        `precision` that agents compute in is "float32" or "mixed_bfloat16"; weights and losses are float32.
        """
        # Fails before any data is looked for.
        game.task.check_batch(batch_size)
        self.distribution = distribution
        self.game = game
        self.data = finite_only(data)
        self.batch_size = batch_size
        self.steps = steps
        self.seed = seed
        self.precision = precision
        with distribution.strategy.scope(), computing_in(precision):
            given = {"game": game, "features": data.features(), "batch_size": batch_size, "seed": seed}
            self.learner = learner_cls(**given) if seeds == 1 else independent_cls(**given, seeds=seeds)
            # Only what is built says whether a number varies.
            if not self.learner.independent and (varied := varied_in(self.learner)):
                if game.is_transfer:
                    raise UserError(
                        f"{varied[0].name!r} is Varied, but a transfer run trains one listener; bind a number in its"
                        " place, and start a run for each."
                    )
                self.learner = independent_cls(**given, seeds=seeds)

    @property
    def may_choose_compiler(self) -> bool:
        """Whether it is open if XLA or graph mode is faster.

        In float32 it is not: on CPUs graph mode has always been faster, and trying takes seconds.
        """
        return self.distribution.may_choose and self.precision != "float32"

    def compiler_choice(self, pipeline: Pipeline) -> CompilerChoice:
        """Which of both is faster, found by trying them on the first batch."""
        step, batch = pipeline.at(self.distribution.strategy, 0)
        turn = Turn(batch, batch.inputs, step, tf.constant(0), self.learner.turns(step)[0])
        return measure(self.learner.gradients, (turn,))


_DOCUMENT = "compiler.json"


def settle_compiler(experiment: Experiment, pipeline: Pipeline, folder: RunFolder) -> None:
    """Where it is open whether XLA compiles, tries both, keeps to the faster one, and says so.

    What was measured is kept in the run's folder, since only a run that goes on as it began comes to the same numbers.
    """
    if not experiment.may_choose_compiler:
        _suggest_precision(experiment)
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


# Agents with fewer weights spend their time on other things than products.
_LARGE = 1_000_000
_MUCH_FASTER = 1.5


def _suggest_precision(experiment: Experiment) -> None:
    """Says so where large agents compute in float32, and this machine's processor is much faster in bfloat16."""
    weights = sum(math.prod(v.shape) for group in experiment.learner.agents.values() for v in group)
    if experiment.distribution.may_choose and weights >= _LARGE and (speed := bfloat16_speed()) >= _MUCH_FASTER:
        print(
            f"Note: this processor multiplies matrices {speed:.1f} times as fast in bfloat16, and agents learn as well;"
            """ start a run with --gin_param='precision="mixed_bfloat16"' to have it.""",
            flush=True,
        )
