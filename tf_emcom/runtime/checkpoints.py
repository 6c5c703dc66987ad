"""Saving and restoring a learner."""

import os

import tensorflow as tf

from tf_emcom.errors import UserError


class Checkpoints:
    """The last few checkpoints of a run: weights, moving average, optimisers and the step, as `tf.train.Checkpoint`."""

    def __init__(self, folder: str, learner: tf.Module, keep: int = 3) -> None:
        """`folder` is `RUN/checkpoints`."""
        self.folder = folder
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        self.checkpoint = tf.train.Checkpoint(learner=learner, step=self.step)
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
        newest = self.manager.latest_checkpoint
        if newest is None:
            return 0
        try:
            self.checkpoint.restore(newest).assert_existing_objects_matched()
        # TensorFlow tells damage in all of these ways, depending on the byte that is wrong.
        except (AssertionError, IndexError, RuntimeError, ValueError, tf.errors.OpError) as error:
            raise UserError(
                f"The checkpoint {newest} does not fit these agents or is damaged"
                f" ({str(error).splitlines()[0][:200]}); use"
                " the configuration it was made with, or remove it so that the one before is used."
            ) from error
        return int(self.step.numpy())


def require_checkpoint(run: str) -> str:
    """`RUN/checkpoints`, if there is one in it; UserError otherwise."""
    folder = os.path.join(run, "checkpoints")
    if tf.train.latest_checkpoint(folder) is None:
        raise UserError(
            f"There is no checkpoint in {folder}; train first, or bind checkpoint to the folder of a trained run."
        )
    return folder
