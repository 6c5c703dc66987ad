"""The speaker of another run."""

import os

import tensorflow as tf

from tf_emcom.agents.speaker import Speaker
from tf_emcom.errors import UserError
from tf_emcom.runtime import config
from tf_emcom.runtime.borrowed_config import borrowed
from tf_emcom.runtime.checkpoints import require_checkpoint, restore_agent
from tf_emcom.runtime.run_folder import RunFolder

# A run that listens to another run's speaker keeps the configuration that the speaker was built from under this name.
SPEAKER_CONFIG = "speaker.gin"


class TrainedSpeaker:
    """The speaker in a run's folder: architecture from its configuration, weights from its newest checkpoint."""

    def __init__(self, run: str = "") -> None:
        """`run` is the folder: of a game, or of a transfer run, whose speaker is the one that it listened to."""
        self.run = run

    def speaker(self, features: int) -> Speaker:
        """The speaker with its weights, for inputs of `features` features.

        Raises:
          UserError: there is no such run or no checkpoint in it, it does not fit, or it is damaged.
        """
        if not self.run:
            raise UserError(
                "A transfer game needs a trained speaker; bind checkpoint to the folder of its run, as in"
                " --gin_param='checkpoint=\"runs/nlg_shapes-0\"'."
            )
        # Before anything is built: most mistakes are in the path.
        config_file = self._config_file()
        require_checkpoint(self.run)
        with borrowed(config_file), config.plain_errors():
            speaker = config.referenced("Learner.speaker_cls")()
        speaker.build((None, features))
        restore_agent(self.run, "speaker", speaker)
        return speaker

    def documents(self) -> dict[str, str]:
        """The configuration that the speaker is built from."""
        with tf.io.gfile.GFile(self._config_file()) as file:
            return {SPEAKER_CONFIG: file.read()}

    def _config_file(self) -> str:
        kept = os.path.join(self.run, SPEAKER_CONFIG)
        if tf.io.gfile.exists(kept):
            return kept
        RunFolder(self.run).require_config()
        return RunFolder(self.run).config
