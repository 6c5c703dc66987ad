"""A control: messages without meaning."""

import numpy as np

from tf_emcom.agents.speaker import Speaker
from tf_emcom.arguments import Checked
from tf_emcom.transfer_learner import SpeakerSource, strangers


class ShuffledSpeaker(Checked):
    """A trained speaker whose messages reach the listener in the wrong games.

    Its messages are a real speaker's, symbol for symbol, but about inputs that are set aside and are candidates of no
    game, neither in training nor in tests: what a new listener finds is what the task gives away by itself. In
    training, an input comes with another message at every epoch, so that nothing can be learnt by heart. Games are
    about seven eighths of each split. Corpora of such a run hold what is heard in tests; tests of its language measure
    the speaker's own, about the inputs themselves.
    """

    def __init__(self, source: SpeakerSource) -> None:
        """`source` is where the speaker comes from."""
        self.source = source

    def speaker(self, features: int) -> Speaker:
        """The speaker with its weights; UserError as from its source."""
        return self.source.speaker(features)

    def documents(self) -> dict[str, str]:
        """What the speaker is built from."""
        return self.source.documents()

    def subjects(self, count: int, seed: int) -> np.ndarray:
        """Which inputs its messages are about."""
        return strangers(count, seed)
