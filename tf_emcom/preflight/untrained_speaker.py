"""A speaker where a transfer game has none yet."""

from tf_emcom.agents.speaker import Speaker


class UntrainedSpeaker:
    """A speaker as large as in EaS's and NEC's code, with its first weights; what it has learnt costs nothing."""

    def __init__(self, vocab_size: int | None = None, message_length: int | None = None) -> None:
        """Its vocabulary and the length of its messages; None: 20 symbols, 10 of them a message."""
        given = {"vocab_size": vocab_size, "message_length": message_length}
        self._given = {name: value for name, value in given.items() if value is not None}

    def speaker(self, features: int) -> Speaker:
        """The speaker, for inputs of `features` features."""
        speaker = Speaker(**self._given)
        speaker.build((None, features))
        return speaker

    def documents(self) -> dict[str, str]:
        """None."""
        return {}

    def subjects(self, count: int, seed: int) -> None:
        """None: its messages are about the inputs that games are about."""
        return None
