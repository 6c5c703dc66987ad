"""One command, as a program gets it: words, not text for a shell."""

import shlex
from typing import NamedTuple


class Invocation(NamedTuple):
    """A command to run once."""

    words: tuple[str, ...]

    def text(self) -> str:
        """As it is typed into a shell."""
        return shlex.join(self.words)
