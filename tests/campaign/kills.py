"""Kills and failures at file operations: the same command, started again, has to end as if nothing had been."""

import errno
import re
from functools import partial
from pathlib import Path
from typing import Any

from phases import PHASES, Case, Phase, broken, require_success, started
from processes import CHANGE, FAIL, FAIL_ON, KILL, LOCK, READ, SPACE, TORN, Ended, Fault, Worker
from results import contents, differences, ending, last_lines

_ALL = SPACE | CHANGE | READ | LOCK
_WRITES = ("write", "fwrite", "pwrite", "writev", "sendfile", "copy_file_range")
_BEGUN = re.compile("(?:Going on from|Starting at) step ([0-9]+)")
# What may go wrong: its name, the mode, the errno, and which kinds of operations it befalls.
_FAULTS = (
    ("full disk from here on", FAIL_ON, errno.ENOSPC, SPACE),
    ("I/O error once", FAIL, errno.EIO, _ALL),
    ("full disk once", FAIL, errno.ENOSPC, SPACE),
    ("I/O error from here on", FAIL_ON, errno.EIO, _ALL),
    ("read-only from here on", FAIL_ON, errno.EROFS, SPACE | CHANGE),
    ("no locks", FAIL_ON, errno.ENOLCK, LOCK),
)


class Attack:
    """One phase with its undisturbed result."""

    def __init__(self, worker: Worker, name: str) -> None:
        self.worker, self.name, self.phase = worker, name, PHASES[name]
        self.start = started(worker, name, self.phase.before) if self.phase.before else None
        worker.begin(self.start)
        self.undisturbed = require_success(self._run(None, listed=True))

    def kills(self) -> list[tuple[str, Fault, str]]:
        """A kill before every operation that changes the disk, and one in the middle of every write."""
        found = []
        for n, group in enumerate(self._groups(SPACE | CHANGE), start=1):
            found.append(("kill", Fault(KILL, n), f"kill {group}"))
            if group.startswith(_WRITES):
                found.append(("torn", Fault(TORN, n), f"torn {group}"))
        return found

    def faults(self) -> list[tuple[str, Fault, str]]:
        """Every failure at every operation that it can befall; without locks, every lock fails."""
        found = []
        for name, mode, error, kinds in _FAULTS:
            groups = self._groups(kinds)[: 1 if kinds == LOCK else None]
            found += [(name, Fault(mode, n, kinds, error), f"{name} {g}") for n, g in enumerate(groups, start=1)]
        return found

    def _groups(self, kinds: int) -> list[str]:
        """Of each operation of these kinds, what others are like it: the same on files of the same kind."""
        case = str(self.worker.case)
        wanted = [(name, path) for kind, name, path in self.undisturbed.operations if kind & kinds]
        return [f"{name} {re.sub('[0-9]+', '', path.removeprefix(case))}" for name, path in wanted]

    def attempt(self, kind: str, fault: Fault) -> dict[str, Any]:
        """Runs the command with the fault, and then without."""
        self.worker.begin(self.start)
        first = self._run(fault)
        how = ending(first)
        if not first.fired:
            return self._row(kind, fault, first, "not reached", "", first)
        if kind in ("kill", "torn"):
            how = "killed" if first.status == -9 else how
        lines = self._logged()
        again = self._run(None)
        outcome, files = differences(self.undisturbed.result, again.result)
        if ending(again) != "ok":
            outcome = f"again: {ending(again)}"
        # A line is logged before the checkpoint of its step, so that the one before was saved.
        elif (begun := _BEGUN.search(again.stdout)) and int(begun[1]) < lines - 1:
            outcome, files = "checkpoint lost", f"{lines} lines were logged, and it goes on from step {begun[1]}"
        elif outcome == "same" and how == "ok" and "WRONG" == differences(self.undisturbed.result, first.result)[0]:
            outcome, files = "WRONG, status 0", differences(self.undisturbed.result, first.result)[1]
        row = self._row(kind, fault, first, f"{how}, {outcome}", files, again)
        row["seconds"] = round(first.seconds + again.seconds, 2)
        return row

    def _logged(self) -> int:
        path = self.worker.case / "run" / "metrics.jsonl"
        return path.read_bytes().count(b"\n") if path.is_file() else 0

    def _row(self, kind: str, fault: Fault, first: Ended, outcome: str, files: str, again: Ended) -> dict[str, Any]:
        return {
            **{"phase": self.name, "what": kind, "n": fault.n, "at": first.fired, "outcome": outcome, "files": files},
            **{"stderr": last_lines(first.stderr), "again": last_lines(again.stderr) if again is not first else ""},
            "seconds": round(first.seconds, 2),
        }

    def _run(self, fault: Fault | None, listed: bool = False) -> Ended:
        phase: Phase = self.phase
        case = self.worker.case
        folder = Path(case) / phase.folder
        command = phase.command(case)
        if listed:
            fault = Fault(0, 0, _ALL)
        return self.worker.run(command, fault, listed, lambda: contents(folder, case), phase.eager)


def cases(worker: Worker, kind: str, budget: int, only: str) -> list[Case]:
    """Attempts of every phase, spread over its operations."""
    found: list[Case] = []
    chosen = [name for name in PHASES if only in ("", name)]
    for place, name in enumerate(chosen):
        try:
            attack = Attack(worker, name)
        except RuntimeError as error:
            found.append(partial(broken, name, error))
            continue
        possible = attack.kills() if kind == "kills" else attack.faults()
        wanted = min(len(possible), budget // len(chosen) + (place < budget % len(chosen)))
        found += [partial(attack.attempt, what, fault) for what, fault, _ in spread(possible, wanted)]
    return found


def spread(possible: list[tuple[str, Fault, str]], wanted: int) -> list[tuple[str, Fault, str]]:
    """So many of them, as many of each group as can be, evenly within each group."""
    groups: dict[str, list] = {}
    for each in possible:
        groups.setdefault(each[2], []).append(each)
    sizes = dict.fromkeys(groups, 0)
    while sum(sizes.values()) < min(wanted, len(possible)):
        open_ones = [name for name in groups if sizes[name] < len(groups[name])]
        # Where not every group gets another one, those that do are spread, too.
        room = wanted - sum(sizes.values())
        step = max(1, -(-len(open_ones) // room))
        for name in open_ones[::step]:
            sizes[name] += 1
    return [each for name, size in sizes.items() for each in _evenly(groups[name], size)]


def _evenly(found: list, size: int) -> list:
    return [found[(2 * i + 1) * len(found) // (2 * size)] for i in range(size)]
