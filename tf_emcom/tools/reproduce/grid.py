"""Grids of runs."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tf_emcom.checks import Checked, Index
from tf_emcom.errors import UserError
from tf_emcom.tools.reproduce.claims import Claim


class Cell(NamedTuple):
    """A run and its tests."""

    name: str  # its folder's, below the grid's
    labels: dict[str, str | int]  # its place in tables, e.g. game and seed
    commands: tuple[tuple[str, ...], ...]  # make it, one after the other: a command of bin/ and its arguments
    needs: str = ""  # the name of the cell that has to be finished before; empty: none
    arguments: tuple[str, ...] = ()  # of tf-emcom train, without seed and folders


class Reproduction(Checked):
    """Games × seeds with all tests; then every transfer task with the speakers of some of these games."""

    def __init__(
        self,
        games: Mapping[str, Sequence[str]],
        seeds: Sequence[Index],
        tests: Sequence[str] = ("testchannel", "testmessage", "testinput", "testtopsim", "testlanguage"),
        test_arguments: Sequence[str] = (),
        tasks: Mapping[str, Sequence[str]] | None = None,
        speakers: Mapping[str, Sequence[str]] | None = None,
        transfer_test_arguments: Sequence[str] = (),
        claims: Sequence[Claim] = (),
    ) -> None:
        """Checks the grid.

        Args:
          games: name in tables → arguments of tf-emcom train.
          seeds: of each game and of each transfer.
          tests: modes of tf-emcom evaluate for every game.
          test_arguments: more arguments of tf-emcom evaluate for games.
          tasks: transfer task → arguments of tf-emcom train.
          speakers: name in tables → the game whose speakers are used, and more arguments of tf-emcom train.
          transfer_test_arguments: more arguments of tf-emcom evaluate for transfer runs.
          claims: what the tables are asked. They change no run, so that a grid that is made answers new ones at once.

        Raises:
          UserError: there is no game or no seed, or a speaker's game is none of the grid's.
        """
        self.games = _lists("games", games)
        self.tasks, self.speakers = _lists("tasks", tasks or {}), _lists("speakers", speakers or {})
        if not self.games or not seeds:
            raise UserError("Reproduction.games or Reproduction.seeds is empty; bind at least one of each.")
        for name, arguments in self.speakers.items():
            if not arguments or arguments[0] not in self.games:
                raise UserError(
                    f"Reproduction.speakers[{name!r}] is {list(arguments)}, but it has to begin with the game whose"
                    f" speakers are used, one of {', '.join(self.games)}."
                )
        self.seeds = tuple(dict.fromkeys(seeds))
        self.tests, self.test_arguments, self.transfer_test_arguments = tests, test_arguments, transfer_test_arguments
        self.claims = tuple(claims)
        for name in ("tests", "test_arguments", "transfer_test_arguments"):
            if not _is_list(values := getattr(self, name)):
                raise UserError(f'Reproduction.{name} is {values!r}; bind it to a list of texts, as in ["test"].')

    def game_cells(self, runs: str) -> list[Cell]:
        """The runs of games, in folders below `runs`; seed by seed, so that a grid cut short has whole seeds."""
        tests = (*(f"--mode={test}" for test in self.tests), *self.test_arguments)
        return [
            _cell(runs, f"{game}-{seed}", {"game": game, "seed": seed}, arguments, (), tests)
            for seed in self.seeds
            for game, arguments in self.games.items()
        ]

    def transfer_cells(self, runs: str) -> list[Cell]:
        """The transfer runs; each needs the run of a game."""
        return [
            _cell(
                runs,
                f"{task}-{speaker}-{seed}",
                {"task": task, "speaker": speaker, "seed": seed},
                self.tasks[task],
                (f"--gin_param=checkpoint={os.path.join(runs, f'{game}-{seed}')!r}", *more),
                ("--mode=test", *self.transfer_test_arguments),
                needs=f"{game}-{seed}",
            )
            for seed in self.seeds
            for task in self.tasks
            for speaker, (game, *more) in self.speakers.items()
        ]


def _cell(
    runs: str,
    name: str,
    labels: dict[str, Any],
    arguments: Sequence[str],
    more: Sequence[str],
    tests: Sequence[str],
    needs: str = "",
) -> Cell:
    """A cell that is trained with the arguments, the label "seed", and more."""
    workdir = f"--workdir={os.path.join(runs, name)}"
    train = ("train", *arguments, f"--gin_param=seed={labels['seed']}", *more, workdir)
    return Cell(name, labels, (train, ("evaluate", workdir, *tests)), needs, tuple(arguments))


def _is_list(values: Any) -> bool:
    return isinstance(values, list | tuple) and all(isinstance(value, str) for value in values)


def _lists(name: str, table: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
    """The table; UserError where it is no table of folders' names and lists of texts."""
    for key, values in table.items():
        if not _is_list(values) or not isinstance(key, str) or os.sep in key or key.strip(".") == "":
            raise UserError(
                f"Reproduction.{name}[{key!r}] is {values!r}; its name becomes a folder's, and it is a list of"
                ' arguments, as in ["--gin_file=gin/nlg_shapes.gin"].'
            )
    return table
