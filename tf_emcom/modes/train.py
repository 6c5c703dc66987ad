"""The mode that trains."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_emcom.actions.action import Action, Moment, Place
from tf_emcom.actions.change import Change
from tf_emcom.actions.checkpoint import Checkpoint, save_checkpoint
from tf_emcom.actions.log import Log
from tf_emcom.data.examples import Examples
from tf_emcom.data.feeds.choice import made_feed
from tf_emcom.data.feeds.feed import Feed
from tf_emcom.data.order import Order, Orders
from tf_emcom.data.pipeline import Pipeline
from tf_emcom.errors import UserError, require_instance, require_integer
from tf_emcom.experiment import Experiment
from tf_emcom.modes.compiler import settle_compiler
from tf_emcom.modes.mode import Training
from tf_emcom.runtime.checkpoints import Checkpoints
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.runtime.termination import Terminated, Termination
from tf_emcom.trainer import Trainer


class Train(Training):
    """The outer loop: calls the compiled inner loop, and actions between its calls; resumes where a run stopped."""

    def __init__(
        self,
        actions: Sequence[Action],
        steps_per_call: int = 100,
        keep: int = 3,
        checkpoint: str = "",
        changes: Sequence[Change] = (),
        feed_cls: Callable[..., Feed] | None = None,
    ) -> None:
        """Checks that the actions go together.

        Args:
          actions: what happens between the calls, in this order.
          steps_per_call: how many steps run without coming back to Python, at most.
          keep: how many checkpoints are kept.
          checkpoint: the folder of a run whose agents a new run starts with; its optimisers are new. Empty: none.
          changes: what changes the agents between the calls, such as imitation and resets; before the actions, so that
            a checkpoint holds what they did.
          feed_cls: how games come to the devices, `@HostFeed` or `@ResidentFeed`; None: as the data's size suggests.

        Raises:
          UserError: a checkpoint would fall between two logged steps, so that a resumed run would log other means.
        """
        require_integer("Train.steps_per_call", steps_per_call, 1, "it counts the steps between two returns to Python")
        require_integer("Train.keep", keep, 1, "it counts the checkpoints that are kept")
        for name, given, kind, example in (
            ("Train.actions", actions, Action, "[@Log(), @Checkpoint()]"),
            ("Train.changes", changes, Change, "[@ImitationOfBest()]"),
        ):
            if not isinstance(given, list | tuple):
                raise UserError(f"{name} is {given!r:.80}; bind it to a list, as in {example}.")
            for action in given:
                require_instance(name, action, kind, example)
        for saving in (a for a in actions if isinstance(a, Checkpoint)):
            for logging in (a for a in actions if isinstance(a, Log)):
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

    def run(self, experiment: Experiment, folder: RunFolder) -> None:
        """Trains up to the experiment's last step; what is trained already is not trained again."""
        for action in self.actions:
            action.check(experiment.learner)
        checkpoints = Checkpoints(folder.checkpoints, experiment.learner, self.keep, folder.new_checkpoints)
        start = checkpoints.restore_latest()
        _check_same_start(experiment, start, folder)
        if self.checkpoint and not start:
            checkpoints.restore_agents(self.checkpoint)
        if start >= experiment.steps:
            print(f"{folder.path} is trained: {start:,} of {experiment.steps:,} steps are done.")
            return
        learner = experiment.learner
        examples = experiment.data.load("train", learner.labels)
        examples = Examples(*learner.prepare(examples.inputs, examples.labels, experiment.data.name))
        order = _order(len(examples.inputs), experiment)
        placed = experiment.distribution
        feed = made_feed(placed.strategy, examples, tuple(examples.labels), self.feed_cls)
        pipeline = Pipeline(examples, order, feed=feed)
        settle_compiler(experiment, pipeline, folder)
        batches = pipeline.distributed(placed.strategy, start, placed.input_options)
        if placed.is_chief:
            begins = "Going on from" if start else "Starting at"
            print(
                f"{begins} step {start:,} of {experiment.steps:,} in {folder.path}:"
                f" {experiment.batch_size} games a step on {len(examples.inputs):,} examples of {experiment.data.name}"
                f" {pipeline.feed.where}, {placed.replicas} replica{'' if placed.replicas == 1 else 's'},"
                f" {placed.compiler}.",
                flush=True,
            )
        trainer = Trainer(learner, experiment.distribution, pipeline.feed.receive)
        place = Place(experiment.distribution, pipeline)
        self._loop(trainer, batches, Moment(start, experiment.steps, learner, folder, checkpoints, place))

    def _loop(self, trainer: Trainer, batches: Iterator[tuple[tf.Tensor, Any]], moment: Moment) -> None:
        """Alternates between the compiled loop and the actions, until the last step."""
        start = moment.step
        with Termination(moment.place.distribution.agree) as termination:
            self._begin(moment)
            try:
                while moment.step < moment.steps:
                    if termination.asked():
                        self._stop(moment, start)
                    count = self._steps_to_next_stop(moment)
                    sums = trainer.advance(batches, tf.constant(count))
                    moment = moment._replace(step=moment.step + count)
                    self._between_calls(moment, {name: value.numpy() for name, value in sums.items()}, count)
            finally:
                for action in self.actions:
                    action.finish(moment)

    def _begin(self, moment: Moment) -> None:
        for action in self.actions:
            action.begin(moment)
        if moment.checkpoints.carried:
            for action, state in zip(self.actions, json.loads(moment.checkpoints.carried), strict=True):
                if state is not None:
                    action.resume(state)

    def _stop(self, moment: Moment, start: int) -> None:
        """Saves what was done since `start`, and what is not logged of it yet, wherever that is between two lines."""
        if moment.step == start:
            raise Terminated("Terminated before this process had done a step; the same command starts there again.")
        states = [action.state() for action in self.actions]
        save_checkpoint(moment, json.dumps(states) if any(state is not None for state in states) else "")
        raise Terminated(
            f"Terminated after step {moment.step:,} of {moment.steps:,}: a checkpoint is saved, and the same command"
            " goes on from there."
        )

    def _steps_to_next_stop(self, moment: Moment) -> int:
        """Stops lie at multiples, so that a resumed run adds up its metrics in the same portions."""
        periods = [self.steps_per_call] + [a.every for a in self.actions if a.every is not None]
        return min(moment.steps - moment.step, *(p - moment.step % p for p in periods))

    def _between_calls(self, moment: Moment, sums: dict[str, np.ndarray], count: int) -> None:
        for action in self.actions:
            action.see(moment, sums, count)
        for action in self.actions:
            if action.due(moment) and (numbers := action.act(moment)):
                for other in self.actions:
                    other.note(moment, numbers, action)


def _order(examples: int, experiment: Experiment) -> Order | Orders:
    """Which examples are played at which step; side by side where there are several runs in one."""
    learner = experiment.learner
    orders = [Order(examples, experiment.batch_size, seed, "train") for seed in learner.seeds()]
    return Orders(orders) if learner.independent else orders[0]


def _check_same_start(experiment: Experiment, start: int, folder: RunFolder) -> None:
    """UserError where processes of one run would go on from different steps."""
    newest = experiment.distribution.largest(start)
    if experiment.distribution.largest(start != newest):
        raise UserError(
            f"Not all processes of the run see its newest checkpoint, of step {newest} (this one sees step {start} in"
            f" {folder.checkpoints}); give all of them one --workdir that they share, such as a gs:// path."
        )
