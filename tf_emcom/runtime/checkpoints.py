"""Saving and restoring a learner."""

import os
import re

import keras
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.trainee import Trainee

# TensorFlow tells damage in all of these ways, depending on the byte that is wrong.
_DAMAGES = (AssertionError, IndexError, RuntimeError, ValueError, tf.errors.OpError)


class Checkpoints:
    """The last few checkpoints of a run: weights, moving average, optimisers and the step, as `tf.train.Checkpoint`."""

    def __init__(self, folder: str, learner: Trainee, keep: int = 3) -> None:
        """`folder` is `RUN/checkpoints`."""
        self.folder = folder
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        self.agents = {name: _weights(agent) for name, agent in learner.agents.items()}
        self.checkpoint = tf.train.Checkpoint(step=self.step, **learner.optimizers, **self.agents)
        self.manager = tf.train.CheckpointManager(self.checkpoint, folder, max_to_keep=keep)

    def save(self, step: int) -> None:
        """Saves; a checkpoint is either whole or not there, also after a kill."""
        self.step.assign(step)
        self.manager.save(checkpoint_number=step)

    def restore_latest(self) -> int:
        """Restores the newest checkpoint and returns its step; 0 where there is none.

        Raises:
          UserError: it was made by agents of another architecture, or is damaged.
        """
        newest = newest_checkpoint(self.folder)
        if newest is None:
            return 0
        _restore(self.checkpoint, newest)
        return int(self.step.numpy())

    def restore_agents(self, folder: str) -> None:
        """Takes the agents, and nothing else, from the newest checkpoint in another run's `folder`.

        Raises:
          UserError: there is none, it was made by agents of another architecture, or is damaged.
        """
        _restore(tf.train.Checkpoint(**self.agents), newest_checkpoint(require_checkpoint(folder)))


def restore_agent(run: str, name: str, agent: keras.Model) -> None:
    """Takes one agent, by its name in the checkpoint, from the newest checkpoint in the folder of a run.

    Raises:
      UserError: there is none, it holds no such agent or one of another architecture, or it is damaged.
    """
    path = newest_checkpoint(require_checkpoint(run))
    _check_shapes(path, name, agent)
    _restore(tf.train.Checkpoint(**{name: _weights(agent)}), path)


def newest_checkpoint(folder: str) -> str | None:
    """The path of the checkpoint with the highest step, None where there is none.

    It looks at the checkpoints themselves, not at the file `checkpoint` beside them: that one may name a checkpoint
    that was removed, and may be lost without any weights being lost.
    """
    indices = tf.io.gfile.glob(os.path.join(folder, "ckpt-*.index"))
    steps = [int(found[1]) for found in (re.search(r"ckpt-(\d+)\.index$", path) for path in indices) if found]
    return os.path.join(folder, f"ckpt-{max(steps)}") if steps else None


def require_checkpoint(run: str) -> str:
    """`RUN/checkpoints`, if there is one in it; UserError otherwise."""
    folder = os.path.join(run, "checkpoints")
    if newest_checkpoint(folder) is None:
        raise UserError(
            f"There is no checkpoint in {folder}; train first, or bind checkpoint to the folder of a trained run."
        )
    return folder


def _weights(agent: keras.Model) -> tf.Module:
    # By hand, since TensorFlow does not see layers that a Keras layer keeps in a list, and would leave them out without
    # a word. By position, since Keras numbers names by what else a process has built.
    holder = tf.Module()
    holder.weights = {f"{i}_{v.name}": v.value for i, v in enumerate(agent.trainable_variables)}
    return holder


def _check_shapes(path: str, name: str, agent: keras.Model) -> None:
    """Raises a UserError that tells the first two shapes that differ."""
    try:
        stored = tf.train.load_checkpoint(path).get_variable_to_shape_map()
    except _DAMAGES as error:
        raise UserError(f"The checkpoint {path} is damaged ({_first_line(error)}); copy it again.") from error
    prefix, suffix = f"{name}/weights/", "/.ATTRIBUTES/VARIABLE_VALUE"
    # `/` and `.` in the names are escaped; the position stands in front of them.
    there = {
        int(key[len(prefix) :].partition("_")[0]): tuple(shape)
        for key, shape in stored.items()
        if key.startswith(prefix) and key.endswith(suffix)
    }
    here = {i: tuple(v.shape) for i, v in enumerate(agent.trainable_variables)}
    if not there:
        raise UserError(f"The checkpoint {path} holds no {name}; name the folder of another run.")
    if there != here:
        place = min(i for i in {*there, *here} if there.get(i) != here.get(i))
        raise UserError(
            f"The {name} in the checkpoint {path} has other sizes than were built (weight {place} is"
            f" {there.get(place, 'missing')} there, {here.get(place, 'missing')} here); use the data set that"
            " the run was trained on, with as many features, and its config.gin as it was then."
        )


def _restore(checkpoint: tf.train.Checkpoint, path: str) -> None:
    try:
        # What the checkpoint holds besides is no matter, and nothing to be warned of when this one is refused.
        checkpoint.restore(path).expect_partial().assert_existing_objects_matched()
    except _DAMAGES as error:
        raise UserError(
            f"The checkpoint {path} does not fit these agents or is damaged ({_first_line(error)}); use"
            " the configuration it was made with, or remove it so that the one before is used."
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no reason given"])[0][:200]
