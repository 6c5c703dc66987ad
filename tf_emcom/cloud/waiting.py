"""A command that is repeated."""

import shlex
from typing import NamedTuple

SECONDS = 30


class Waiting(NamedTuple):
    """A command to run again and again until what it prints is a certain state."""

    words: tuple[str, ...]
    reached: str
    hopeless: tuple[str, ...]  # states from which it is never reached

    def text(self) -> str:
        """A loop of the shell, which also ends where there is no hope."""
        is_reached = f'[ "$state" = {self.reached} ]'
        is_hopeless = f'case "$state" in {"|".join(self.hopeless)}) exit 1;; esac'
        return f"until state=$({shlex.join(self.words)}) || exit; {is_reached}; do {is_hopeless}; sleep {SECONDS}; done"
