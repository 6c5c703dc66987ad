"""The base classes of tests of greedy agents on a held-out split."""

import abc
import re
from collections.abc import Sequence
from typing import Any

from tf_emcom.checks import Index
from tf_emcom.data.source import Source, finite_only
from tf_emcom.errors import UserError
from tf_emcom.games.channels import Channel
from tf_emcom.games.lewis import Rules
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.training.experiment import Experiment
from tf_emcom.training.mode import Evaluation


def listed(name: str, values: Sequence[Any], example: str) -> list[Any]:
    """The values, each once; UserError, with an example, where there are none."""
    if not values:
        raise UserError(f"{name} is {values!r}; bind it to a list of numbers, as in {example}.")
    return list(dict.fromkeys(values))


class HeldOutTest(Evaluation, abc.ABC):
    """The base class of modes that let greedy agents play on a split that they were not trained on."""

    __test__ = False  # Not a test case, whatever its name says to a test runner.

    def __init__(
        self,
        split: str = "test",
        seed: Index = 42,
        checkpoint: str = "",
        data: Source | None = None,
        kept_as: str = "",
    ) -> None:
        """Sets what all of these modes share.

        Args:
          split: which split.
          seed: of everything random; two evaluations agree to the digit.
          checkpoint: the folder of the run to restore; the workdir's own where it is empty.
          data: the data set that is tested on, with as many features as the run's; None: the run's.
          kept_as: a name: results go to eval/<mode>.<name>.jsonl, and no report shows them; where it is empty, results
            of another data set go to eval/<mode>.<data set>.jsonl, and all others to eval/<mode>.jsonl.
        """
        self.split, self.seed, self.checkpoint = split, seed, checkpoint
        self.data = data
        if not re.fullmatch(r"[\w.-]*", kept_as):
            raise UserError(
                f"{self._name('kept_as')} is {kept_as!r:.80}, but it becomes part of a file's name; bind it to letters,"
                " digits and any of _.-"
            )
        self.kept_as = kept_as

    @property
    def kept_in(self) -> str:
        """The name, without its ending, of the file of results and of the figure."""
        name = self.kept_as or (re.sub(r"[^\w.-]", "_", self.data.name) if self.data else "")
        mode = type(self).__name__.lower()
        return f"{mode}.{name}" if name else mode

    def data_under_test(self, experiment: Experiment) -> Source:
        """The data set that is tested on; UserError where its inputs have another number of features."""
        if self.data is None:
            return experiment.data
        own, found = experiment.data.features(), self.data.features()
        if own != found:
            raise UserError(
                f"{self._name('data')} is {self.data.name}, whose inputs have {found} features, but the agents of this"
                f" run see {own}; bind it to a data set with {own}, or leave it out to test on {experiment.data.name}."
            )
        return finite_only(self.data)

    def start(self, experiment: Experiment, folder: RunFolder) -> dict[str, Any]:
        """Restores the agents, and returns what every row of results begins with: mode, step, split, other data."""
        data = self.data_under_test(experiment)
        step = self.restore(experiment, folder)
        folder.prepare_results()
        common = {"mode": type(self).__name__.lower(), "step": step, "split": self.split}
        return common if self.data is None else {**common, "data": data.name}

    @property
    def _on(self) -> str:
        """The split, and another data set, as a summary begins."""
        return f"{self.split} split" if self.data is None else f"{self.data.name}, {self.split} split"

    def require_suited(self, game: Rules, is_suited: bool, whose: str) -> None:
        """UserError where the run is a transfer run or its task is not suited; `whose` says which games are."""
        name, task = type(self).__name__.lower(), type(game.task).__name__
        if game.is_transfer:
            raise UserError(f"The mode {name} is for runs of a game {whose}, and this is a transfer run; use test.")
        if not is_suited:
            own = "testchannel, testmessage, testinput, " if game.task.chooses_inputs else "testnaming, "
            raise UserError(
                f"The mode {name} is for games {whose}, and the task of this run is {task}; use"
                f" {own if game.task.answer else ''}testtopsim or testlanguage."
            )

    def _name(self, parameter: str) -> str:
        return f"{type(self).__name__}.{parameter}"


class ChannelTest(HeldOutTest, abc.ABC):
    """The base class of those modes that send messages through a channel, at noises of their own."""

    def __init__(self, channel: Channel | None = None, **shared: Any) -> None:
        """`channel` is its kind; None: as in the run's training, and Erasure where that is clear."""
        super().__init__(**shared)
        self.channel = channel

    def channel_under_test(self, trained: Channel) -> Channel:
        """The channel, given that of the run's training; UserError where it cannot be given another noise."""
        channel = (self.channel or trained).with_noise(0.0)
        if float(channel.with_noise(0.5).noise(0)) != 0.5:
            kind, name = type(channel).__name__, self._name("channel")
            raise UserError(
                f"{kind}.with_noise(0.5) has another noise than 0.5, so that a test would not know its noise; correct"
                f" {kind}.with_noise or {kind}.noise, or bind {name} to another channel, as in {name}=@Erasure()."
            )
        return channel
