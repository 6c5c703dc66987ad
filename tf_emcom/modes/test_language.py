"""The mode that measures a speaker's language."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tf_emcom.data.examples import Examples
from tf_emcom.errors import UserError, require_instance, require_integer
from tf_emcom.experiment import Experiment
from tf_emcom.figures.symbol_use import draw_symbol_use
from tf_emcom.metrics.attribute_measure import AttributeMeasure
from tf_emcom.metrics.bag_of_symbols_disentanglement import BagOfSymbolsDisentanglement
from tf_emcom.metrics.context_independence import ContextIndependence
from tf_emcom.metrics.edit_distance_between_speakers import EditDistanceBetweenSpeakers
from tf_emcom.metrics.mean_edit_distance import MeanEditDistance
from tf_emcom.metrics.message_entropy import MessageEntropy
from tf_emcom.metrics.message_measure import MessageMeasure
from tf_emcom.metrics.positional_disentanglement import PositionalDisentanglement
from tf_emcom.metrics.sample import Sample
from tf_emcom.metrics.symbol_use import SymbolUse
from tf_emcom.metrics.unique_message_share import UniqueMessageShare
from tf_emcom.metrics.unique_messages import UniqueMessages
from tf_emcom.modes.language_table import language_table
from tf_emcom.modes.mode import Evaluation
from tf_emcom.modes.speakers import averages, labels_of, spoken
from tf_emcom.modes.teams import deviation
from tf_emcom.runtime.run_folder import RunFolder

_ATTRIBUTES = ("factors", "attributes")  # the first of them that a data set has


class TestLanguage(Evaluation):
    """Measures of greedy speakers' messages about a split, by themselves and against the attributes of what they say.

    Those against attributes are measured where the data set has the label "factors" or, in its place, "attributes".
    Every speaker has its own lines of results; those of a population are followed by their means, with the label
    `ensemble`: "average", and by the edit distances between speakers, of each two and the average.
    """

    __test__ = False  # Not a test case, whatever its name says to a test runner.

    def __init__(
        self,
        measures: Sequence[MessageMeasure] | None = None,
        attribute_measures: Sequence[AttributeMeasure] | None = None,
        samples: int = 2000,
        split: str = "test",
        seed: int = 42,
        checkpoint: str = "",
    ) -> None:
        """Checks what is measured.

        Args:
          measures: of messages alone; None: entropy, unique messages, mean edit distance.
          attribute_measures: of messages and attributes; None: positional and bag-of-symbols disentanglement, context
            independence.
          samples: how many messages a measure compares pair by pair, at most.
          split: which split.
          seed: of the draw of that many; two evaluations agree to the digit.
          checkpoint: the folder of the run to restore; the workdir's own where it is empty.

        Raises:
          UserError: one of them cannot be used.
        """
        if measures is None:
            measures = (MessageEntropy(), UniqueMessages(), UniqueMessageShare(), MeanEditDistance())
        if attribute_measures is None:
            attribute_measures = (PositionalDisentanglement(), BagOfSymbolsDisentanglement(), ContextIndependence())
        _check("measures", measures, MessageMeasure, "[@MessageEntropy()]")
        _check("attribute_measures", attribute_measures, AttributeMeasure, "[@ContextIndependence()]")
        require_integer("TestLanguage.samples", samples, 2, "it counts the messages that are compared pair by pair")
        require_integer("TestLanguage.seed", seed, 0, "the draw of messages starts from it")
        self.measures = tuple(measures)
        self.attribute_measures = tuple(attribute_measures)
        self.sample = Sample(samples, seed)
        self.split = split
        self.seed = seed
        self.checkpoint = checkpoint

    def run(self, experiment: Experiment, folder: RunFolder) -> None:
        """Measures, prints the table, writes eval/testlanguage.jsonl and figures/testlanguage.png."""
        step = self.restore(experiment, folder)
        folder.prepare_results()
        there = experiment.data.labels()
        examples = experiment.data.load(self.split, [name for name in _ATTRIBUTES if name in there][:1])
        messages = spoken(experiment, examples.inputs)
        agents, common = experiment.learner, {"mode": "testlanguage", "step": step, "split": self.split}
        uses = [SymbolUse.of(said, agents.speaker_as(0).vocab_size) for said in messages.values()]
        measured, symbols = [], []
        for (speaker, said), use in zip(messages.items(), uses, strict=True):
            labels = {**common, **labels_of(agents, speaker), "seed": self.seed}
            measured += [{**labels, **row} for row in self._measured(said, examples)]
            symbols += [{**labels, **row} for row in _symbol_rows(use)]
        between = [] if agents.independent else list(_between(messages))
        between = [{**common, "seed": self.seed, **row} for row in between]
        means = averages(measured, ["measure", "attributes"], "value") if len(messages) > 1 else []
        rows = [*measured, *([] if agents.independent else means), *between, *symbols]
        path = folder.write_evaluation("testlanguage", rows)
        print(language_table([*means, *between[-1:]] or measured, uses))
        figure = folder.figure("testlanguage")
        draw_symbol_use(uses[0].shares, figure)
        about = f"about {next(iter(examples.labels))}" if examples.labels else "without attributes to compare with"
        of_whom = f"; mean and deviation of {len(messages)} speakers, the first of them drawn" if means else ""
        print(f"{self.split} split, step {step:,}, {about}{of_whom}; symbols by position in {path} and {figure}")

    def _measured(self, messages: np.ndarray, examples: Examples) -> Iterator[dict[str, Any]]:
        """What each measure says: name, value (null where undefined), how many messages, and which attributes."""
        for measure in self.measures:
            chosen = measure.sampled(messages, self.sample)
            yield {"measure": measure.name, "value": _defined(measure(chosen)), "messages": len(chosen)}
        for name, attributes in examples.labels.items():
            for measure in self.attribute_measures:
                value = _defined(measure(messages, attributes))
                yield {"measure": measure.name, "value": value, "messages": len(messages), "attributes": name}


def _check(name: str, measures: object, kind: type, example: str) -> None:
    if not isinstance(measures, list | tuple):
        raise UserError(f"TestLanguage.{name} is {measures!r:.80}; bind it to a list, as in {example}.")
    for measure in measures:
        require_instance(f"TestLanguage.{name}", measure, kind, example)


def _defined(value: float) -> float | None:
    """The value as JSON has it, which knows no nan."""
    return None if np.isnan(value) else value


def _symbol_rows(use: SymbolUse) -> Iterator[dict[str, Any]]:
    """The entropy of each position, then the share of each symbol that is said there."""
    shares, messages = use.shares, int(use.counts[0].sum())
    for position, value in enumerate(use.entropy.tolist()):
        yield {"measure": "symbol_entropy", "position": position, "value": value, "messages": messages}
    for position, symbol in np.argwhere(use.counts).tolist():
        share = float(shares[position, symbol])
        row = {"measure": "symbol_use", "position": position, "symbol": symbol, "share": share, "messages": messages}
        yield row


def _between(messages: dict[int, np.ndarray]) -> Iterator[dict[str, Any]]:
    """The edit distance of each two speakers, then their mean; nothing where there is one speaker."""
    distance, values = EditDistanceBetweenSpeakers(), []
    for (one, left), (other, right) in itertools.combinations(messages.items(), 2):
        values.append(distance(left, right))
        labels = {"measure": distance.name, "speaker": one, "other_speaker": other}
        yield {**labels, "value": values[-1], "messages": len(left)}
    if values:
        labels = {"measure": distance.name, "ensemble": "average", "speakers": len(messages), "pairs": len(values)}
        count = len(next(iter(messages.values())))
        yield {**labels, "value": float(np.mean(values)), "deviation": deviation(values), "messages": count}
