"""One run of a grid."""

from typing import NamedTuple


class Cell(NamedTuple):
    """A run and its tests.

    Attributes:
      name: its folder's, below the grid's.
      labels: what tells it from the others in tables, e.g. game and seed.
      commands: what makes it, one after the other: a command of bin/ and its arguments.
      needs: the name of the cell that has to be finished before; empty: none.
    """

    name: str
    labels: dict[str, str | int]
    commands: tuple[tuple[str, ...], ...]
    needs: str = ""
