"""A control: messages without meaning."""

from typing import Any

import tensorflow as tf

from tf_emcom.agents.speaker import Speaker
from tf_emcom.arguments import Checked
from tf_emcom.errors import UserError
from tf_emcom.transfer_learner import SpeakerSource
from tf_emcom.types import Speech


class ShuffledSpeaker(Checked):
    """A trained speaker that says of every input what it should have said of the one before it.

    The one before it is that in a replica's batch, or, where messages are spoken once before the training, one drawn
    from the whole data set. Its messages are a real speaker's, symbol for symbol, but tell nothing about the inputs:
    what a new listener learns from them is what the task gives away by itself. Whatever asks this speaker in a run, as
    tests of its language do, gets the mixed-up messages.
    """

    def __init__(self, source: SpeakerSource) -> None:
        """`source` is where the speaker comes from."""
        self.source = source

    def speaker(self, features: int) -> Speaker:
        """The speaker with its weights; UserError as from its source."""
        return _SpeakerOfTheOneBefore(self.source.speaker(features))

    def documents(self) -> dict[str, str]:
        """What the speaker is built from."""
        return self.source.documents()


class _SpeakerOfTheOneBefore:
    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker

    def __getattr__(self, name: str) -> Any:
        return getattr(self._speaker, name)

    def greedy(self, inputs: tf.Tensor) -> Speech:
        if inputs.shape[0] == 1:
            raise UserError(
                "ShuffledSpeaker was asked about one input, but it needs another one whose message it can tell in its"
                " place; bind batch_size to 2 or more for each replica."
            )
        speech = self._speaker.greedy(inputs)
        return Speech(*(None if part is None else tf.roll(part, 1, axis=0) for part in speech))
