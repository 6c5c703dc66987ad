"""The mode that trains."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf

from tf_emcom.checks import Count, Repeats
from tf_emcom.data.feeds import Feed, made_feed
from tf_emcom.data.pipeline import Pipeline
from tf_emcom.data.source import Examples
from tf_emcom.errors import UserError
from tf_emcom.files import reason
from tf_emcom.runtime.checkpoints import Checkpoints
from tf_emcom.runtime.provenance import environment
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.runtime.termination import Termination
from tf_emcom.training.actions.action import Action, AgentAction, TrainingState
from tf_emcom.training.actions.checkpoint import Checkpoint, save_checkpoint
from tf_emcom.training.actions.logs import Log, StopOnNan
from tf_emcom.training.experiment import Experiment, settle_compiler
from tf_emcom.training.mode import Training
from tf_emcom.training.trainer import Trainer, order_for


class Train(Training):
    """The outer loop: calls the compiled inner loop, and actions between its calls; resumes where a run stopped."""

    def __init__(
        self,
        actions: Sequence[Action],
        steps_per_call: Count = 100,
        keep: Count = 3,
        checkpoint: str = "",
        changes: Sequence[AgentAction] = (),
        feed_cls: Callable[..., Feed] | None = None,
        threads_per_operation: Repeats | None = None,
    ) -> None:
        """Between calls of at most `steps_per_call` steps come the `changes` and then the `actions`, each in its order.

        So a checkpoint, of which `keep` are kept, holds what the changes did. `checkpoint` is the folder of a run whose
        agents a new run starts with; its optimisers are new. Empty: none. `feed_cls` is how games come to the devices,
        `@HostFeed` or `@ResidentFeed`; None: as the data's size suggests. On a CPU, one operation is divided between
        at most `threads_per_operation`; None: all cores. Small agents are faster with 1: cores then do different
        operations at the same time. It has no effect where TensorFlow has been used before, as in a notebook.

        Raises:
          UserError: a checkpoint would fall between two logged steps, or before the line of its step, so that a
            resumed run would log other lines.
        """
        for saved, saving in ((i, a) for i, a in enumerate(actions) if isinstance(a, Checkpoint)):
            for late in (type(action).__name__ for action in actions[saved:] if action.keeps):
                raise UserError(
                    f"Train.actions has Checkpoint before {late}, so that a run that is killed between them would lack"
                    f" what {late} keeps; bind it to a list with @{late}() before @Checkpoint()."
                )
            for logging in (action for action in actions if isinstance(action, Log)):
                if saving.every % logging.every:
                    raise UserError(
                        f"Checkpoint.every is {saving.every} and Log.every is {logging.every}; bind Checkpoint.every"
                        " to a multiple of Log.every, so that a resumed run logs what an uninterrupted one does."
                    )
        self.actions = (*changes, *actions)
        self.steps_per_call = steps_per_call
        self.keep = keep
        self.checkpoint = checkpoint
        self.feed_cls = feed_cls
        self.threads_per_operation = threads_per_operation

    def run(self, experiment: Experiment, folder: RunFolder) -> None:
        """Trains up to the experiment's last step; what is trained already is not trained again."""
        for action in self.actions:
            action.check(experiment.learner)
        checkpoints = Checkpoints(folder.checkpoints, experiment.learner, self.keep, folder.new_checkpoints)
        start = checkpoints.restore_latest()
        folder.clear_unfinished()
        checkpoints.clear(start)
        _check_same_start(experiment, start, folder)
        if experiment.distribution.is_chief:
            folder.note_lost(start, next((a.every for a in self.actions if isinstance(a, Log)), None))
        if self.checkpoint and not start:
            checkpoints.restore_agents(self.checkpoint)
        if start >= experiment.steps:
            print(f"{folder.path} is trained: {start:,} of {experiment.steps:,} steps are done.")
            return
        carried = _carried(checkpoints.carried, os.path.join(folder.checkpoints, f"ckpt-{start}"))
        learner, placed = experiment.learner, experiment.distribution
        examples = experiment.data.load("train", learner.labels)
        examples = Examples(*learner.prepare(examples.inputs, examples.labels, experiment.data.name))
        feed = made_feed(placed.strategy, examples, tuple(examples.labels), self.feed_cls)
        pipeline = Pipeline(examples, order_for(learner, len(examples.inputs)), feed=feed)
        settle_compiler(experiment, pipeline, folder)
        batches = pipeline.distributed(placed.strategy, start, placed.input_options)
        if placed.is_chief:
            folder.append_environment(environment())
            begins = "Going on from" if start else "Starting at"
            print(
                f"{begins} step {start:,} of {experiment.steps:,} in {folder.path}:"
                f" {experiment.batch_size} games a step on {len(examples.inputs):,} examples of {experiment.data.name}"
                f" {pipeline.feed.where}, {placed.replicas} replica{'' if placed.replicas == 1 else 's'},"
                f" {placed.compiler}.",
                flush=True,
            )
        trainer = Trainer(learner, placed, pipeline.feed.receive)
        training = TrainingState(
            start, experiment.steps, learner, folder, checkpoints, placed, pipeline, data=experiment.data
        )
        with Termination(placed.agree) as termination:
            self._loop(trainer, batches, training, *carried, termination)

    def _loop(
        self,
        trainer: Trainer,
        batches: Iterator[tuple[tf.Tensor, Any]],
        training: TrainingState,
        states: Sequence[Any],
        is_last: bool,
        termination: Termination,
    ) -> None:
        """Alternates between the compiled loop and the actions, until the last step."""
        start = training.step
        is_watched = any(isinstance(action, StopOnNan) for action in self.actions)
        try:
            self._begin(training, states, is_last)
            while training.step < training.steps:
                if termination.asked():
                    self._stop(training, start, termination)
                sums, done = trainer.advance(batches, tf.constant(self._steps_to_next_stop(training)), is_watched)
                training = training._replace(step=training.step + int(done))
                seen = {name: value.numpy() for name, value in sums.items()}
                for action in self.actions:
                    action.see(training, seen, int(done))
                self._act(training)
        except BaseException:
            # What cannot be closed now is not to hide what happened.
            for action in self.actions:
                with contextlib.suppress(Exception):
                    action.finish(training)
            raise
        for action in self.actions:
            action.finish(training)

    def _begin(self, training: TrainingState, states: Sequence[Any], is_last: bool) -> None:
        """Starts the actions; where a finished run was made longer, also does what was due after its last step."""
        # A line of the last step of a shorter run was perhaps the mean of fewer steps, and is written again.
        begun = training._replace(step=training.step - 1) if is_last else training
        for action in self.actions:
            action.begin(begun)
        for action, state in zip(self.actions, states, strict=False):
            if state is not None:
                action.resume(state)
        if is_last:
            self._act(training)

    def _stop(self, training: TrainingState, start: int, termination: Termination) -> None:
        """Saves what was done since `start`, and what is not logged of it yet, wherever that is between two lines."""
        if training.step == start:
            raise termination.stopped("before this process had done a step; run the same command again to start there.")
        if training.checkpoints.last != training.step:
            save_checkpoint(training._replace(carried=self._states()))
        raise termination.stopped(
            f"after step {training.step:,} of {training.steps:,}: a checkpoint is saved; run the same command"
            " again to resume."
        )

    def _states(self) -> str:
        states = [action.state() for action in self.actions]
        return json.dumps(states) if any(state is not None for state in states) else ""

    def _steps_to_next_stop(self, training: TrainingState) -> int:
        """Stops lie at multiples, so that a resumed run adds up its metrics in the same portions."""
        periods = [self.steps_per_call] + [a.every for a in self.actions if a.every is not None]
        return min(training.steps - training.step, *(p - training.step % p for p in periods))

    def _act(self, training: TrainingState) -> None:
        longer = training._replace(steps=training.steps + 1)
        if training.step == training.steps and any(a.due(training) != a.due(longer) for a in self.actions):
            # A run that is made longer goes on from here, and does what is due after this step there.
            training = training._replace(carried=json.dumps({"last": [action.state() for action in self.actions]}))
        for action in self.actions:
            if action.due(training) and (numbers := action.act(training)):
                for other in self.actions:
                    other.note(training, numbers, action)


def _carried(text: str, path: str) -> tuple[Sequence[Any], bool]:
    """What the checkpoint at `path` carries for the actions; UserError where its text is damaged.

    Returns:
      The state of each action, None where it has none; and whether the checkpoint is of the last step of a run, and
      the states are those before its actions.
    """
    try:
        content = json.loads(text) if text else []
        states = content["last"] if isinstance(content, dict) else content
        return list(states), isinstance(content, dict)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"The checkpoint {path} carries no states of actions ({reason(error)}); copy it again."
        ) from error


def _check_same_start(experiment: Experiment, start: int, folder: RunFolder) -> None:
    """UserError where processes of one run would go on from different steps."""
    newest = experiment.distribution.largest(start)
    if experiment.distribution.largest(start != newest):
        raise UserError(
            f"Not all processes of the run see its newest checkpoint, of step {newest} (this one sees step {start} in"
            f" {folder.checkpoints}); give all of them one --workdir that they share, such as a gs:// path."
        )
