"""SIGTERM: what a machine sends before it goes away."""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Self

# As a shell reports a process that SIGTERM ended: 128 + 15.
STATUS = 128 + signal.SIGTERM


class Terminated(BaseException):
    """SIGTERM was received; the message says in a sentence what is kept. Nothing but a command should catch it."""


class Termination:
    """While it is entered, SIGTERM stops nothing: it is remembered, and whoever can stop well asks for it.

    A preempted machine sends it about 30 seconds before it goes away, which is time for a checkpoint. Outside of the
    main thread, where Python allows no handlers, SIGTERM stays what it was.
    """

    def __init__(self, agree: Callable[[bool], bool] = bool) -> None:
        """Nothing was received yet.

        Args:
          agree: given whether this process was told to stop, returns whether all processes of the run stop now; called
            by all of them at the same steps. A run of one process agrees with itself.
        """
        self._agree = agree
        self._received = False

    def __enter__(self) -> Self:
        self._in_main_thread = threading.current_thread() is threading.main_thread()
        if self._in_main_thread:
            self._before = signal.signal(signal.SIGTERM, self._receive)
            # What waits in other libraries, for files or for other machines, goes on waiting.
            signal.siginterrupt(signal.SIGTERM, False)
        return self

    def __exit__(self, *_: object) -> None:
        if self._in_main_thread:
            # None: a handler that was not set from Python, which Python cannot set again.
            signal.signal(signal.SIGTERM, signal.SIG_DFL if self._before is None else self._before)

    def asked(self) -> bool:
        """Whether to stop now."""
        return self._agree(self._received)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._received = True


def stop_at_once() -> None:
    """From now on SIGTERM raises `Terminated` where the program is, as an interruption raises `KeyboardInterrupt`."""
    signal.signal(signal.SIGTERM, _raise)


def _raise(number: int, frame: FrameType | None) -> None:
    raise Terminated("Terminated before this process had anything to save; the same command starts there again.")
