"""Showing a run while it goes on."""

import numpy as np

from tf_emcom.checks import Count, Repeats
from tf_emcom.data.source import Source
from tf_emcom.errors import UserError
from tf_emcom.plots import draw_games
from tf_emcom.runtime.event_file import EventFile
from tf_emcom.training.actions.action import Action, TrainingState
from tf_emcom.training.actions.logs import Log
from tf_emcom.training.actions.showcase import Showcase

_CONFIG = "config.gin"


class TensorBoard(Action):
    """Writes a run's folder for TensorBoard: curves, the configuration, and what agents say of a few examples.

    Curves are the lines of `Log`, in groups: `game/`, `speaker/`, `listener/`, `changes/` (what imitation and the like
    find worth noting) and `speed/`; those of `Validation` and of other actions with `curves` are beside them. Every
    `every` steps and after the last one there are, of the first speaker and the first listener, histograms of the
    symbols at each position and of message lengths, and games: candidates, message, what arrived, and the choice, with
    images where the data set has them. Only the chief of several processes writes.
    """

    keeps = True

    def __init__(
        self, every: Count = 2500, data: Source | None = None, examples: Count = 256, games: Repeats = 8
    ) -> None:
        """Agents speak of `examples` of the validation split of `data`; None: there are no histograms and no games."""
        self.every = every
        self.data = data
        self.examples = examples
        self.games = games
        self._played: set[str] = set()
        self._is_last = False
        self._events: EventFile | None = None
        self._showcase: Showcase | None = None

    def begin(self, training: TrainingState) -> None:
        """Opens the file, drops what a lost process wrote after the step where this one resumes, takes examples."""
        if not training.distribution.is_chief:
            return
        self._events = EventFile(training.folder.tensorboard, training.step)
        if not training.step and training.folder.has_document(_CONFIG):
            # Indented, Markdown shows it as it is.
            lines = training.folder.read_document(_CONFIG).splitlines()
            self._events.write_markdown(0, "config", "\n".join(f"    {line}" for line in lines))
        self._showcase = self._chosen(training)

    def see(self, training: TrainingState, sums: dict[str, np.ndarray], steps: int) -> None:
        self._played |= sums.keys()
        self._is_last = training.step == training.steps

    def state(self) -> list[str] | None:
        """What games are measured by, after the last step: a longer run writes the curves of that step again."""
        return sorted(self._played) if self._is_last else None

    def resume(self, state: list[str]) -> None:
        self._played |= {*state}

    def note(self, training: TrainingState, numbers: dict[str, float], by: Action) -> None:
        """Writes a line of `Log`, and what has curves of its own; what other actions return is in the former."""
        if self._events and (by.curves is not None or isinstance(by, Log)):
            curve = self._tag if by.curves is None else by.curves.__getitem__
            values = {}
            for name, value in numbers.items():
                # Those of one setting are called as in "accuracy, noise 0.25".
                measured, comma, setting = name.partition(",")
                values[f"{curve(measured)}{comma}{setting}"] = value
            self._events.write_scalars(training.step, values)

    def act(self, training: TrainingState) -> None:
        if not self._showcase or not self._events:
            return
        step = training.step
        symbols, lengths = self._showcase.messages()
        length = symbols.shape[1]
        for position, said in enumerate(symbols.T, start=1):
            counts = np.bincount(said, minlength=self._showcase.vocab_size)
            self._events.write_counts(step, f"messages/symbol_{position:0{len(str(length))}d}", counts)
        self._events.write_counts(step, "messages/length", np.bincount(lengths, minlength=length + 1))
        shown = self._showcase.games(step, symbols, lengths)
        self._events.write_markdown(step, "games/table", self._showcase.table(shown))
        images = self._showcase.images(shown)
        if images is not None:
            self._events.write_picture(step, "games/candidates", draw_games(images, shown.targets, shown.choices))

    def finish(self, training: TrainingState) -> None:
        if self._events:
            self._events.close()

    def _tag(self, name: str) -> str:
        agent, _, rest = name.partition("_")
        if rest and agent in ("speaker", "listener"):
            return f"{agent}/{rest}"
        if name == "games_per_second":
            return f"speed/{name}"
        return f"game/{name}" if name in self._played or name == "noise" else f"changes/{name}"

    def _chosen(self, training: TrainingState) -> Showcase | None:
        if self.data is None or not Showcase.suits(training.learner):
            return None
        wanted = {"label", "image", *training.learner.labels} & {*self.data.labels()}
        try:
            examples = self.data.load("valid", sorted(wanted))
        except UserError as error:
            print(f"Note: TensorBoard shows no games. {error}", flush=True)
            return None
        return Showcase(training.learner, examples, self.examples, self.games)
