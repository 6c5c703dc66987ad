"""Presets of grids: where they are, what they hold, and which of their cells are made."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from tf_emcom.errors import UserError, suggest
from tf_emcom.runtime import config
from tf_emcom.runtime.catalogue import choose, plug_ins
from tf_emcom.runtime.config import build
from tf_emcom.runtime.config_checks import refuse_unused
from tf_emcom.runtime.early_checks import GIN_HOMES
from tf_emcom.tools.reproduce.grid import Cell, Reproduction
from tf_emcom.tools.reproduce.runner import Runner
from tf_emcom.training.mode import Evaluation


def load_preset(preset: str, gin_params: Sequence[str], allow_unused: bool = False) -> Reproduction:
    """The grid of a file in gin/reproduce/, named without its ending, or of the file at a path, with these bindings.

    Raises:
      UserError: there is no such preset, or it is none.
    """
    known = {file.stem: str(file) for home in GIN_HOMES for file in Path(home).glob("gin/reproduce/*.gin")}
    if preset not in known and not preset.endswith(".gin"):
        raise UserError(
            f"There is no preset {preset!r}: {suggest(preset, known)} The path of a file of your own ends in .gin."
        )
    given = config.load([known.get(preset, preset)], gin_params)
    with config.plain_errors():
        grid: Reproduction = build("Reproduction")
    refuse_unused(given, (), allow_unused)
    for test in (*grid.tests, *(test for tests in grid.tests_of.values() for test in tests)):
        choose(test, plug_ins(Evaluation), "test")
    return grid


def folder_of(preset: str, out: str | None) -> str:
    """The folder of a grid; UserError where it is not on the local disk."""
    if "://" in (out or ""):
        raise UserError(f"--out is {out}, but grids are made on the local disk; name a local folder.")
    return os.path.realpath(out or os.path.join("runs", f"reproduce-{Path(preset).stem}"))


def listed(cells: Sequence[Cell], runner: Runner) -> str:
    """A line for each cell, with its number, its name and whether it is made, and its commands below."""
    lines, finished = [], 0
    made = {cell.name: runner.is_finished(cell) for cell in cells}
    for number, cell in enumerate(cells):
        state = "finished" if made[cell.name] else "not made"
        finished += made[cell.name]
        if cell.needs and not made[cell.name] and not made[cell.needs]:
            state = f"needs {cell.needs}"
        lines += [f"{number} {cell.name}: {state}", *(f"  {shlex.join(['tf-emcom', *c])}" for c in cell.commands)]
    return "\n".join([*lines, f"{finished} of {len(cells)} runs are finished."])


def make_cell(number: int, cells: Sequence[Cell], runner: Runner) -> None:
    """Makes one cell, by its number in the list; another process may make other ones at the same time.

    Raises:
      UserError: there is no such number, what the cell needs is not made yet, or one of its commands failed.
    """
    if not 0 <= number < len(cells):
        raise UserError(f"--cell is {number}, but this grid has the cells 0 to {len(cells) - 1}; --list shows them.")
    cell = cells[number]
    for place, other in enumerate(cells):
        if other.name == cell.needs and not runner.is_finished(other):
            raise UserError(
                f"Cell {number}, {cell.name}, needs {other.name}, which is not finished; make that first, with"
                f" --cell={place}."
            )
    failed = runner.make([cell])
    if failed:
        raise UserError(f"{cell.name} failed: {failed[cell.name]}")
    print("Once all cells are finished, the same command without --cell writes the tables.")
