"""Damaged files: whoever reads one says so by its name, or gets the number that it would have got."""

import os
import random
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from phases import (
    LISTENER,
    PACKED,
    PAIR,
    Case,
    broken,
    evaluate,
    export,
    messages,
    require_success,
    started,
    test_of_export,
    train,
    train_features,
    write_data,
)
from processes import Ended, Worker
from results import contents, differences, ending, last_lines


class Reading(NamedTuple):
    """Files below `folder` of what `before` makes are damaged; `command` reads them, `compared` is what it makes."""

    folder: str
    before: tuple[Callable, ...]
    command: Callable[[Path], list[str]]
    compared: str
    removed: tuple[str, ...] = ()  # before the command runs, so that it has something to do
    eager: bool = True


def _kept(case: Path) -> list[str]:
    return train("nlg_digits", case, *PAIR, "Train.keep=2", "steps=2")


def _speaker(case: Path) -> list[str]:
    return ["train", "--gin_file=gin/nlg_digits.gin", f"--workdir={case}/speaker", *_kept(case)[3:]]


def _transfer(case: Path) -> list[str]:
    return train("etl_digits", case, *LISTENER, f'checkpoint="{case}/speaker"')


def _test_transfer(case: Path) -> list[str]:
    return ["evaluate", f"--workdir={case}/run", "--gin_param=Test.passes=1"]


def _packed(case: Path) -> list[str]:
    return train_features(case, *PACKED)


def _written(kind: str, case: Path) -> list[str]:
    return [*messages(case), f"--format={kind}"]


def _analyse(case: Path) -> list[str]:
    return ["analyse", f"{case}/{_CORPUS}"]


_CORPUS = "run/corpora/test"
_NEWEST = ("run/checkpoints/ckpt-2.index", "run/checkpoints/ckpt-2.data-00000-of-00001")
READINGS = {
    "run, tested": Reading("run", (_kept,), evaluate, "run/eval"),
    "run, resumed": Reading("run", (_kept,), _kept, "run", _NEWEST),
    "run, reported": Reading("run", (_kept, evaluate), lambda case: ["report", f"{case}/run"], "run"),
    "run, exported": Reading("run", (_kept,), export, "run/export", eager=False),
    "run, written as messages": Reading("run", (_kept,), messages, "run/corpora"),
    "speaker of a transfer": Reading("speaker", (_speaker,), _transfer, "run"),
    "transfer, tested": Reading("run", (_speaker, _transfer), _test_transfer, "run/eval"),
    "data": Reading("data", (write_data,), train_features, "run"),
    "cache": Reading("cache", (write_data, _packed), _packed, "run", ("run",)),
    "export": Reading("run/export", (_kept, export), test_of_export, "results"),
    **{
        f"corpus, {kind}": Reading(_CORPUS, (_kept, partial(_written, kind)), _analyse, _CORPUS)
        for kind in ("parquet", "jsonl", "numpy")
    },
}


def _cut(share: float) -> Callable[[Path, random.Random], None]:
    return lambda path, rng: os.truncate(path, int(path.stat().st_size * share))


def _flip(low: float, high: float) -> Callable[[Path, random.Random], None]:
    """Of one bit, somewhere in this part of the file."""

    def flip(path: Path, rng: random.Random) -> None:
        content = bytearray(path.read_bytes())
        if content:
            place = min(len(content) - 1, int(len(content) * rng.uniform(low, high)))
            content[place] ^= 1 << rng.randrange(8)
        path.write_bytes(content)

    return flip


def _scramble(path: Path, rng: random.Random) -> None:
    path.write_bytes(rng.randbytes(path.stat().st_size))


def _replace(path: Path, rng: random.Random) -> None:
    path.unlink()
    what = rng.randrange(4)
    if what == 0:
        path.mkdir()
    elif what == 1:
        path.symlink_to("nowhere")
    elif what == 2:
        os.mkfifo(path)


# Eight ways; those that draw do another thing in another round.
_WAYS: dict[str, Callable[[Path, random.Random], None]] = {
    "emptied": _cut(0),
    "halved": _cut(0.5),
    "4096 bytes": lambda path, rng: os.truncate(path, 4096),
    "last byte cut": lambda path, rng: os.truncate(path, max(0, path.stat().st_size - 1)),
    "bit in front": _flip(0, 0.1),
    "bit inside": _flip(0.1, 1),
    "random bytes": _scramble,
    "replaced or gone": _replace,
}
_DRAWN = ("bit in front", "bit inside", "random bytes", "replaced or gone")


class Attack:
    """One kind of files, and what reads them."""

    def __init__(self, worker: Worker, name: str) -> None:
        self.worker, self.name, self.reading = worker, name, READINGS[name]
        self.start = started(worker, f"damage {name}", self.reading.before, self.reading.eager)
        self.files = sorted(str(p.relative_to(self.start)) for p in self.start.glob(f"{self.reading.folder}/**/*"))
        self.files = [file for file in self.files if (self.start / file).is_file() and self._counts(file)]
        self._begin()
        self.undisturbed = require_success(self._run(""))
        self.page = self._page()

    def _counts(self, file: str) -> bool:
        name = os.path.basename(file)
        return file not in self.reading.removed and not name.startswith((".lock", "events.")) and ".png" not in name

    def _begin(self) -> None:
        self.worker.begin(self.start)
        for name in self.reading.removed:
            path = self.worker.case / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def attempts(self, round_: int) -> list[tuple[str, str, int]]:
        """Every file in every way; after the first round only in those that draw."""
        ways = _DRAWN if round_ else tuple(_WAYS)
        return [(file, way, round_) for file in self.files for way in ways]

    def attempt(self, file: str, way: str, round_: int) -> dict[str, Any]:
        """Damages the file and lets the command read it."""
        self._begin()
        _WAYS[way](self.worker.case / file, random.Random(f"{self.name} {file} {way} {round_}"))
        ended = self._run(file)
        outcome, files = self._outcome(ended, file)
        return {
            **{"phase": self.name, "what": way, "n": round_, "at": file, "outcome": outcome, "files": files},
            **{"stderr": last_lines(ended.stdout + ended.stderr), "seconds": round(ended.seconds, 2)},
        }

    def _run(self, damaged: str) -> Ended:
        case, compared = self.worker.case, self.reading.compared

        def made() -> dict[str, str]:
            # Whether the damaged file itself was replaced is another question.
            found = contents(case / compared, case)
            own = self._own(damaged)
            return {name: digest for name, digest in found.items() if name.rstrip("/") not in own}

        return self.worker.run(self.reading.command(case), then=made, eager=self.reading.eager)

    def _page(self) -> set[str]:
        """The lines of the report that there is, if there is one."""
        path = self.worker.case / "run" / "report.html"
        return set(path.read_text().splitlines()) if path.is_file() else set()

    def _own(self, file: str) -> set[str]:
        """The damaged file among those that are compared; weights are compared by the name of their index."""
        own = os.path.relpath(file or ".", self.reading.compared)
        return {own, own.partition(".data-")[0] + ".index"} if ".data-" in own else {own}

    def _outcome(self, ended: Ended, file: str) -> tuple[str, str]:
        how = ending(ended)
        # A report says on its page what it has left out, and what it has not found.
        said = "\n".join([ended.stdout, ended.stderr, *(self._page() - self.page)])
        path = Path(file)
        names = {path.name, path.name.partition(".data-")[0].removesuffix(".index"), f"{path.parent} "}
        named = any(name in said.replace(str(self.worker.case) + "/", "") for name in names)
        if how != "ok":
            return (f"{how}, file {'named' if named else 'NOT named'}" if how.startswith("sentence") else how), ""
        own = self._own(file)
        wanted = {name: digest for name, digest in self.undisturbed.result.items() if name not in own}
        outcome, files = differences(wanted, ended.result)
        if outcome == "WRONG":
            outcome = "other number, file named" if named else "WRONG NUMBER"
        return outcome, files


def cases(worker: Worker, kind: str, budget: int, only: str) -> list[Case]:
    """Round after round until the budget is spent; a budget that is too small for one is spread over its files."""
    attacks, found = [], []
    for name in (name for name in READINGS if only in ("", name)):
        try:
            attacks.append(Attack(worker, name))
        except RuntimeError as error:
            found.append(partial(broken, name, error))
    for round_ in range(100):
        left = budget - len(found)
        if left <= 0 or not attacks:
            break
        one = [partial(attack.attempt, *each) for attack in attacks for each in attack.attempts(round_)]
        found += one if len(one) <= left else [one[(2 * i + 1) * len(one) // (2 * left)] for i in range(left)]
    return found
