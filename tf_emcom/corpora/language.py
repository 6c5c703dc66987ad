"""What is measured of messages, by themselves and against attributes."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tf_emcom.arguments import Checked
from tf_emcom.corpora.averages import averages, deviation
from tf_emcom.corpora.language_table import language_table
from tf_emcom.errors import require_integer
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

Row = dict[str, Any]

_ATTRIBUTES = ("factors", "attributes")  # the first of them that a data set has


class Findings(NamedTuple):
    """What was found out about the messages of some speakers.

    Attributes:
      rows: lines of results: of each speaker, their means, between speakers, and every symbol's use.
      shown: those of the lines that stand for all.
      uses: how each speaker uses symbols.
      averaged: of how many speakers the lines that are shown are means; 1: they are no means.
    """

    rows: list[Row]
    shown: list[Row]
    uses: list[SymbolUse]
    averaged: int

    @property
    def table(self) -> str:
        """As text."""
        return language_table(self.shown, self.uses)


class Language(Checked):
    """All measures of messages, and of messages and attributes."""

    def __init__(
        self,
        measures: Sequence[MessageMeasure] | None = None,
        attribute_measures: Sequence[AttributeMeasure] | None = None,
        samples: int = 2000,
        seed: int = 42,
        owner: str = "Language",
    ) -> None:
        """Checks what is measured.

        Args:
          measures: of messages alone; None: entropy, unique messages, mean edit distance.
          attribute_measures: of messages and attributes; None: positional and bag-of-symbols disentanglement, context
            independence.
          samples: how many messages a measure compares pair by pair, at most.
          seed: of the draw of that many.
          owner: whose parameters these are, for what is said of a bad one.

        Raises:
          UserError: one of them cannot be used.
        """
        if measures is None:
            measures = (MessageEntropy(), UniqueMessages(), UniqueMessageShare(), MeanEditDistance())
        if attribute_measures is None:
            attribute_measures = (PositionalDisentanglement(), BagOfSymbolsDisentanglement(), ContextIndependence())
        require_integer(f"{owner}.samples", samples, 2, "it counts the messages that are compared pair by pair")
        require_integer(f"{owner}.seed", seed, 0, "the draw of messages starts from it")
        self.measures = tuple(measures)
        self.attribute_measures = tuple(attribute_measures)
        self.sample = Sample(samples, seed)

    @staticmethod
    def labels(there: Sequence[str]) -> list[str]:
        """Which of a data set's labels messages are measured against: one or none."""
        return [name for name in _ATTRIBUTES if name in there][:1]

    def of(
        self,
        messages: Mapping[int, np.ndarray],
        attributes: Mapping[str, np.ndarray],
        vocab_size: int,
        named: Mapping[int, Row],
        independent: bool = False,
    ) -> Findings:
        """Measures what some speakers say of the same inputs.

        Args:
          messages: speaker ↦ int [N, T].
          attributes: name ↦ int [N, A] of the inputs.
          vocab_size: V.
          named: speaker ↦ how lines of results name it.
          independent: whether speakers are runs of their own, which do not talk to each other.
        """
        uses = [SymbolUse.of(said, vocab_size) for said in messages.values()]
        seed = {"seed": self.sample.seed}
        measured, symbols = [], []
        for (speaker, said), use in zip(messages.items(), uses, strict=True):
            labels = {**named[speaker], **seed}
            measured += [{**labels, **row} for row in self._measured(said, attributes)]
            symbols += [{**labels, **row} for row in _symbol_rows(use)]
        between = [] if independent else [{**seed, **row} for row in _between(messages)]
        means = averages(measured, ["measure", "attributes"], "value") if len(messages) > 1 else []
        rows = [*measured, *([] if independent else means), *between, *symbols]
        return Findings(rows, [*means, *between[-1:]] or measured, uses, len(messages) if means else 1)

    def _measured(self, messages: np.ndarray, attributes: Mapping[str, np.ndarray]) -> Iterator[Row]:
        """What each measure says: name, value (null where undefined), how many messages, and which attributes."""
        for measure in self.measures:
            chosen = measure.sampled(messages, self.sample)
            yield {"measure": measure.name, "value": _defined(measure(chosen)), "messages": len(chosen)}
        for name, values in attributes.items():
            for measure in self.attribute_measures:
                value = _defined(measure(messages, values))
                yield {"measure": measure.name, "value": value, "messages": len(messages), "attributes": name}


def _defined(value: float) -> float | None:
    """The value as JSON has it, which knows no nan."""
    return None if np.isnan(value) else value


def _symbol_rows(use: SymbolUse) -> Iterator[Row]:
    """The entropy of each position, then the share of each symbol that is said there."""
    shares, messages = use.shares, int(use.counts[0].sum())
    for position, value in enumerate(use.entropy.tolist()):
        yield {"measure": "symbol_entropy", "position": position, "value": value, "messages": messages}
    for position, symbol in np.argwhere(use.counts).tolist():
        share = float(shares[position, symbol])
        row = {"measure": "symbol_use", "position": position, "symbol": symbol, "share": share, "messages": messages}
        yield row


def _between(messages: Mapping[int, np.ndarray]) -> Iterator[Row]:
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
