"""The speaker of another run, and a control whose messages mean nothing."""

import os

import numpy as np

from tf_emcom.agents.speaker import Speaker
from tf_emcom.checks import Checked, Index
from tf_emcom.errors import UserError
from tf_emcom.files import read_text
from tf_emcom.runtime import config
from tf_emcom.runtime.checkpoints import NEWEST, require_checkpoint, restore_agent
from tf_emcom.runtime.config import borrowed
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.training.transfer_learner import SpeakerSource, strangers

# A run that listens to another run's speaker keeps the configuration that the speaker was built from under this name.
SPEAKER_CONFIG = "speaker.gin"


class TrainedSpeaker(Checked):
    """The speaker in a run's folder: architecture from its configuration, weights from one of its checkpoints."""

    def __init__(self, run: str = "", speaker_index: Index = 0, which: str = NEWEST) -> None:
        """`run` is of a game, or a transfer run, whose one speaker is the one that it listened to, whatever the index.

        In a population, `speaker_index` says which speaker. `which` checkpoint is that of the game's run: "newest",
        "best" as `Validation` found it, or a step, as in "5000".
        """
        self.run = run
        self.speaker_index = speaker_index
        self.which = which

    def speaker(self, features: int) -> Speaker:
        """The speaker with its weights; UserError where run, speaker or checkpoint are not there, misfit or damaged."""
        if not self.run:
            raise UserError(
                "A transfer game needs a trained speaker; bind checkpoint to the folder of its run, as in"
                " --gin_param='checkpoint=\"runs/nlg_shapes-0\"'."
            )
        # Before anything is built: most mistakes are in the path.
        config_file = self._config_file()
        # A transfer run has the speaker in all of its checkpoints, as it was chosen.
        index, which = (0, NEWEST) if self._is_kept() else (self.speaker_index, self.which)
        require_checkpoint(self.run, which)
        with borrowed(config_file), config.plain_errors():
            try:
                speaker_cls = config.referenced("Learner.speaker_cls")
            except UserError as error:
                raise UserError(f"{config_file} names no speaker; copy the file again, or name another run.") from error
            speaker = speaker_cls()
        speaker.build((None, features))
        restore_agent(self.run, "speaker", speaker, index, which)
        return speaker

    def documents(self) -> dict[str, str]:
        return {SPEAKER_CONFIG: read_text(self._config_file(), "copy the file again, or name another run")}

    def subjects(self, count: int, seed: int) -> None:
        """None: its messages are about the inputs that games are about."""
        return None

    def _is_kept(self) -> bool:
        """Whether the run is a transfer run, which keeps the one speaker that it listens to."""
        return RunFolder(self.run).has_document(SPEAKER_CONFIG)

    def _config_file(self) -> str:
        if self._is_kept():
            return os.path.join(self.run, SPEAKER_CONFIG)
        RunFolder(self.run).require_config()
        return RunFolder(self.run).config


class ShuffledSpeaker(Checked):
    """A trained speaker whose messages reach the listener in the wrong games.

    Its messages are a real speaker's, symbol for symbol, but about inputs that are set aside and are candidates of no
    game, neither in training nor in tests: what a new listener finds is what the task gives away by itself. In
    training, an input comes with another message at every epoch, so that nothing can be learnt by heart. Games are
    about seven eighths of each split. Corpora of such a run hold what is heard in tests; tests of its language measure
    the speaker's own, about the inputs themselves.
    """

    def __init__(self, source: SpeakerSource) -> None:
        self.source = source
        self.speaker, self.documents = source.speaker, source.documents

    def subjects(self, count: int, seed: int) -> np.ndarray:
        return strangers(count, seed)
