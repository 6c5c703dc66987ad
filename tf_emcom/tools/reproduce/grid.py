"""Grids of runs."""

import itertools
import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from tf_emcom.checks import Checked, Index, Repeats
from tf_emcom.errors import UserError
from tf_emcom.tools.reproduce.claims import Statement
from tf_emcom.tools.reproduce.kinds import KINDS
from tf_emcom.tools.reproduce.published import Published


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
        claims: Sequence[Statement] = (),
        tests_of: Mapping[str, Sequence[str]] | None = None,
        further_tests: Mapping[str, Sequence[str]] | None = None,
        speaker_counts: Mapping[str, Repeats] | None = None,
        listeners: Repeats = 1,
        best_of: Sequence[str] = (),
        published: Sequence[Published] = (),
        together: Sequence[str] = (),
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
          tests_of: a game → its modes in place of `tests`, such as testnaming for a naming game.
          further_tests: name of a table → a mode and more arguments of tf-emcom evaluate, such as another split or
            another data set; for the games that have the mode among their tests.
          speaker_counts: name of speakers → how many of the speakers of its game are used, where that is a population.
          listeners: how many new listeners each speaker gets; results are means over both.
          best_of: the games whose best seed on the validation split is in the tables as a game of its own.
          published: numbers of papers, which stand beside those of this grid; as claims, they change no run.
          together: small games, all of whose seeds are one run in one program. With `Varied` numbers among their
            arguments, tables have each setting as a game of its own, and speakers are those of the first setting.

        Raises:
          UserError: no game, no seed, a name that is none of the grid's, or seeds apart that are trained together.
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
        self.claims, self.published, self.best_of, self.together = tuple(claims), tuple(published), best_of, together
        self.tests_of = _lists("tests_of", tests_of or {})
        self.further_tests = _lists("further_tests", further_tests or {})
        self.speaker_counts, self.listeners = dict(speaker_counts or {}), listeners
        self._check_names()

    def _check_names(self) -> None:
        for name in ("tests", "test_arguments", "transfer_test_arguments", "best_of", "together"):
            if not _is_list(values := getattr(self, name)):
                raise UserError(f'Reproduction.{name} is {values!r}; bind it to a list of texts, as in ["test"].')
        _require_known("tests_of", self.tests_of, self.games)
        _require_known("best_of", self.best_of, self.games)
        _require_known("together", self.together, self.games)
        first = self.seeds[0]
        if self.together and self.seeds != tuple(range(first, first + len(self.seeds))):
            raise UserError(
                f"Reproduction.seeds is {list(self.seeds)}, but seeds that are trained together follow one another;"
                f" bind it to {list(range(first, first + len(self.seeds)))}, or leave out Reproduction.together."
            )
        _require_known("speaker_counts", self.speaker_counts, self.speakers)
        for name in self.speaker_counts:
            if self.speakers[name][0] in self.together:
                raise UserError(
                    f"Reproduction.speaker_counts names {name!r}, whose game has all seeds together and one speaker a"
                    " seed; leave the one out of Reproduction.speaker_counts, or the other of Reproduction.together."
                )
        for name, arguments in self.further_tests.items():
            if name in KINDS or not arguments or arguments[0] not in KINDS:
                raise UserError(
                    f"Reproduction.further_tests[{name!r}] is {list(arguments)}; its name has to be another one than"
                    f" that of a mode, and the list has to begin with one of {', '.join(KINDS)}."
                )

    @property
    def modes(self) -> dict[str, str]:
        """The further tests by the names of their tables ↦ their modes."""
        return {name: arguments[0] for name, arguments in self.further_tests.items()}

    def cells(self, runs: str) -> list[Cell]:
        """All runs, in folders below `runs`: games, then transfers."""
        return [*self.game_cells(runs), *self.transfer_cells(runs)]

    def game_cells(self, runs: str) -> list[Cell]:
        """The runs of games, in folders below `runs`; seed by seed, so that a grid cut short has whole seeds."""
        count = len(self.seeds)
        return [
            _cell(
                *(runs, f"{game}-{seed}", {"game": game, "seed": seed}, arguments),
                (f"--gin_param=seeds={count}",) if game in self.together and count > 1 else (),
                self._tests(game),
            )
            for seed in self.seeds
            for game, arguments in self.games.items()
            if seed == self.seeds[0] or game not in self.together
        ]

    def _tests(self, game: str) -> list[tuple[str, ...]]:
        """The arguments of each tf-emcom evaluate for a game, without its folder."""
        modes = self.tests_of.get(game, self.tests)
        found = [(*(f"--mode={mode}" for mode in modes), *self.test_arguments)]
        for name, (mode, *more) in self.further_tests.items():
            if mode in modes:
                kept = f"--gin_param={KINDS[mode].component}.kept_as={name!r}"
                found.append((f"--mode={mode}", *self.test_arguments, *more, kept))
        return found

    def transfer_cells(self, runs: str) -> list[Cell]:
        """The transfer runs; each needs the run of a game."""
        return [
            self._transfer_cell(runs, seed, task, speaker, index, listener)
            for seed in self.seeds
            for task in self.tasks
            for speaker in self.speakers
            for index, listener in itertools.product(
                range(self.speaker_counts.get(speaker, 1)), range(self.listeners)
            )
        ]

    def _transfer_cell(self, runs: str, seed: int, task: str, speaker: str, index: int, listener: int) -> Cell:
        """The run in which new listener `listener` learns from speaker `index` of a run."""
        game, *more = self.speakers[speaker]
        place = seed - self.seeds[0] if game in self.together else 0
        needs = f"{game}-{seed - place}"
        name, labels = f"{task}-{speaker}-{seed}", {"task": task, "speaker": speaker, "seed": seed}
        more = [f"--gin_param=checkpoint={os.path.join(runs, needs)!r}", *more]
        # The first speaker and the first listener are called as if there were no others, so that more can be added.
        if self.speaker_counts.get(speaker, 1) > 1 or self.listeners > 1:
            labels |= {"speaker_index": index, "new_listener": listener}
        if index:
            name += f"-speaker{index}"
        if index or place:
            more.append(f"--gin_param=speaker_index={index or place}")
        if listener:
            name += f"-listener{listener}"
        tests = ("--mode=test", *self.transfer_test_arguments)
        return _cell(runs, name, labels, self.tasks[task], more, [tests], needs, seed + _APART * listener)


_APART = 10_000  # how far apart the seeds of the new listeners of one speaker are


def _cell(
    runs: str,
    name: str,
    labels: dict[str, Any],
    arguments: Sequence[str],
    more: Sequence[str],
    tests: Sequence[Sequence[str]],
    needs: str = "",
    seed: int | None = None,
) -> Cell:
    """A cell that is trained with the arguments, the seed, which is the label's by default, and more; then tested."""
    workdir = f"--workdir={os.path.join(runs, name)}"
    seed = labels["seed"] if seed is None else seed
    train = ("train", *arguments, f"--gin_param=seed={seed}", *more, workdir)
    return Cell(name, labels, (train, *(("evaluate", workdir, *each) for each in tests)), needs, tuple(arguments))


def _require_known(name: str, given: Collection[str], known: Collection[str]) -> None:
    """UserError where a parameter names something that the grid does not have."""
    for each in given:
        if each not in known:
            raise UserError(
                f"Reproduction.{name} names {each!r}, but this grid has {', '.join(known) or 'nothing of the kind'};"
                " choose among these."
            )


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
