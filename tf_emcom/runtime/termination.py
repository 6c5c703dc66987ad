"""Handles SIGTERM, which a preempted machine sends, and SIGINT, which Ctrl-C sends."""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

# The signals of `stop_at_once`: a library that catches everything may have swallowed its exception.
_received: list[int] = []


class Terminated(BaseException):
    """SIGTERM or SIGINT was received; the message says what is saved. Only a command should catch it."""

    status: int
    """The exit status of the process, as a shell reports it: 128 + the number of the signal."""

    def __init__(self, message: str, number: int = signal.SIGTERM) -> None:
        super().__init__(message)
        self.status = 128 + number


class Termination:
    """Within it, SIGTERM and SIGINT stop nothing but are noted, so that the run can save a checkpoint and stop.

    A preempted machine sends SIGTERM about 30 seconds before it stops, which is time for a checkpoint; Ctrl-C sends
    SIGINT, and a second one interrupts at once. Outside of the main thread, where Python allows no handlers, nothing
    changes; nor for SIGINT where it is ignored, as in the background of a shell.
    """

    def __init__(self, agree: Callable[[bool], bool] = bool) -> None:
        """`agree`: whether this process was asked to stop ↦ whether all processes stop; called at the same steps."""
        self._agree = agree
        self._received: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._received = next(iter(_received), None)
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                if number == signal.SIGTERM or signal.getsignal(number) != signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._receive)
                    # Other libraries that wait for files or for other machines are not interrupted.
                    signal.siginterrupt(number, False)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            # None: a handler that Python did not set, and cannot set again.
            signal.signal(number, signal.SIG_DFL if before is None else before)

    def asked(self) -> bool:
        """Whether to stop now."""
        return self._agree(self._received is not None)

    def stopped(self, kept: str) -> Terminated:
        """The exception to raise; `kept` completes its sentence, which begins with "Terminated" or "Interrupted"."""
        number = self._received or signal.SIGTERM
        return Terminated(f"{'Interrupted' if number == signal.SIGINT else 'Terminated'} {kept}", number)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT == self._received:
            raise KeyboardInterrupt
        self._received = number


def stop_at_once() -> None:
    """From now on SIGTERM raises `Terminated` at once, as Ctrl-C raises `KeyboardInterrupt`."""
    _received.clear()
    signal.signal(signal.SIGTERM, _raise)


def _raise(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    raise Terminated("Terminated before this process had anything to save; run the same command again to resume.")
