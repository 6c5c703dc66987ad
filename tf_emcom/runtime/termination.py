"""SIGTERM, which a machine sends before it goes away, and SIGINT, which Ctrl-C sends."""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

# As a shell reports a process that SIGTERM ended: 128 + 15.
STATUS = 128 + signal.SIGTERM


class Terminated(BaseException):
    """SIGTERM or SIGINT was received; the message says in a sentence what is kept. Only a command should catch it.

    Attributes:
      status: what the process ends with.
    """

    def __init__(self, message: str, number: int = signal.SIGTERM) -> None:
        """`number` is that of the signal."""
        super().__init__(message)
        self.status = 128 + number


class Termination:
    """While it is entered, SIGTERM and SIGINT stop nothing: they are remembered, and whoever can stop well asks.

    A preempted machine sends SIGTERM about 30 seconds before it goes away, which is time for a checkpoint; Ctrl-C sends
    SIGINT, and a second one interrupts at once. Outside of the main thread, where Python allows no handlers, both stay
    what they were; so does SIGINT where it is ignored, as in the background of a shell.
    """

    def __init__(self, agree: Callable[[bool], bool] = bool) -> None:
        """Nothing was received yet.

        Args:
          agree: given whether this process was asked to stop, returns whether all processes of the run stop now; called
            by all of them at the same steps. A run of one process agrees with itself.
        """
        self._agree = agree
        self._received: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                if number == signal.SIGTERM or signal.getsignal(number) != signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._receive)
                    # What waits in other libraries, for files or for other machines, goes on waiting.
                    signal.siginterrupt(number, False)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            # None: a handler that was not set from Python, which Python cannot set again.
            signal.signal(number, signal.SIG_DFL if before is None else before)

    def asked(self) -> bool:
        """Whether to stop now."""
        return self._agree(self._received is not None)

    def stopped(self, kept: str) -> Terminated:
        """What to raise then; `kept` completes the sentence that begins with what happened."""
        number = self._received or signal.SIGTERM
        return Terminated(f"{'Interrupted' if number == signal.SIGINT else 'Terminated'} {kept}", number)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT == self._received:
            raise KeyboardInterrupt
        self._received = number


def stop_at_once() -> None:
    """From now on SIGTERM raises `Terminated` where the program is, as an interruption raises `KeyboardInterrupt`."""
    signal.signal(signal.SIGTERM, _raise)


def _raise(number: int, frame: FrameType | None) -> None:
    raise Terminated("Terminated before this process had anything to save; the same command starts there again.")
