"""Language measures of messages, as rows and as text."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, NamedTuple

import numpy as np

from tf_emcom.checks import Checked, Index, Least, Most, Repeats
from tf_emcom.evaluation.metrics import attributes as of_attributes
from tf_emcom.evaluation.metrics import measures as of_messages
from tf_emcom.evaluation.metrics.distances import CosineDistance, HammingDistance, PairwiseDistance
from tf_emcom.evaluation.metrics.edit_distances import EditDistanceBetweenSpeakers, MeanEditDistance
from tf_emcom.evaluation.metrics.measures import Sample, SymbolUse
from tf_emcom.evaluation.metrics.similarity import TopographicSimilarity
from tf_emcom.evaluation.results import Row, averages, deviation, result_row, text_table
from tf_emcom.schedules import in_words

Pairwise = Annotated[int, Least(2), Most(20_000)]  # messages that are compared pair by pair


class Findings(NamedTuple):
    """What was found out about the messages of some speakers."""

    rows: list[Row]  # of each speaker, their means, between speakers, and every symbol's use
    shown: list[Row]  # those of the rows that stand for all
    uses: list[SymbolUse]  # how each speaker uses symbols
    averaged: int  # over how many speakers the rows in `shown` are averaged; 1: they are no averages

    @property
    def table(self) -> str:
        """Measures with their values, then the entropy of each position, the mean over speakers."""
        columns = ["value", "deviation"] if self.shown and "deviation" in self.shown[0] else ["value"]
        named = [in_words(each.get("varied", {})) for each in self.shown]
        lines = [
            [*filter(None, (name, each["measure"])), *(_text(each[key]) for key in columns), f"{each['messages']:,}"]
            for name, each in zip(named, self.shown, strict=True)
        ]
        heads = [*(["varied"] if any(named) else []), "measure"]
        table = text_table([*heads, *columns, "messages"], lines, left=heads)
        entropy = np.mean([use.entropy for use in self.uses], axis=0)
        return f"{table}\nentropy by position, nats: " + " ".join(f"{value:.2f}" for value in entropy)


def _text(value: float | None) -> str:
    if value is None:
        return "undefined"
    return f"{value:.0f}" if value.is_integer() else f"{value:.4f}"


class Language(Checked):
    """All measures of messages, and of messages and attributes."""

    def __init__(
        self,
        measures: Sequence[of_messages.MessageMeasure] | None = None,
        attribute_measures: Sequence[of_attributes.AttributeMeasure] | None = None,
        samples: Pairwise = 2000,
        seed: Index = 42,
    ) -> None:
        """Sets what is measured, as the constructor of `TestLanguage`."""
        counted = of_messages.MessageEntropy(), of_messages.UniqueMessages(), of_messages.UniqueMessageShare()
        disentanglement = of_attributes.PositionalDisentanglement(), of_attributes.BagOfSymbolsDisentanglement()
        usual = *disentanglement, of_attributes.ContextIndependence()
        # Each once, by its name in results.
        self.measures = {each.name: each for each in (*counted, MeanEditDistance(), *(measures or ()))}.values()
        self.attribute_measures = {each.name: each for each in (*usual, *(attribute_measures or ()))}.values()
        self.sample = Sample(samples, seed)

    @staticmethod
    def labels(there: Sequence[str]) -> list[str]:
        """Which of a data set's labels messages are measured against: one or none."""
        return [name for name in ("factors", ATTRIBUTES) if name in there][:1]

    def of(
        self,
        messages: Mapping[int, np.ndarray],
        attributes: Mapping[str, np.ndarray],
        vocab_size: int,
        named: Mapping[int, Row],
        independent: bool = False,
    ) -> Findings:
        """Measures what some speakers say of the same inputs: messages, speaker ↦ int [N, T].

        Attributes are name ↦ int [N, A], and `named` is speaker ↦ how rows of results name it. Independent speakers are
        runs of their own, which do not talk to each other.
        """
        uses = [SymbolUse.of(said, vocab_size) for said in messages.values()]
        seed = {"seed": self.sample.seed}
        measured, symbols = [], []
        alone = independent or len(messages) == 1
        for (speaker, said), use in zip(messages.items(), uses, strict=True):
            labels = {**named[speaker], **seed}
            measured += [result_row(labels, each, whole=alone) for each in self._measured(said, attributes)]
            symbols += [result_row(labels, each, whole=False) for each in _symbol_rows(use)]
        distances = [] if independent else _between(messages)
        between = [result_row(seed, each, whole="ensemble" in each) for each in distances]
        means = averages(measured, ["varied", "measure", "attributes"], "value") if len(messages) > 1 else []
        rows = [*measured, *([] if independent else means), *between, *symbols]
        return Findings(rows, [*means, *between[-1:]] or measured, uses, means[0]["speakers"] if means else 1)

    def _measured(self, messages: np.ndarray, attributes: Mapping[str, np.ndarray]) -> Iterator[Row]:
        for measure in self.measures:
            chosen = measure.sampled(messages, self.sample)
            yield {"measure": measure.name, "value": _defined(measure(chosen)), "messages": len(chosen)}
        for name, values in attributes.items():
            for relation in self.attribute_measures:
                value = _defined(relation(messages, values))
                yield {"measure": relation.name, "value": value, "messages": len(messages), "attributes": name}


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else value  # JSON knows no nan.


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


LEAST = 10  # messages in a pass: fewer say nothing
ATTRIBUTES = "attributes"
CLASS = "class"


class TopographicSimilarities(Checked):
    """The similarity of messages to inputs, attributes or classes: mean and deviation (n − 1) of passes over draws."""

    def __init__(
        self,
        samples: Annotated[int, Least(LEAST), Most(20_000)] = 1000,
        passes: Repeats = 5,
        seed: Index = 42,
        distance: PairwiseDistance | None = None,
        attribute_distance: PairwiseDistance | None = None,
    ) -> None:
        """Sets what is compared, as the constructor of `TestTopsim`."""
        self._sample = Sample(samples, seed)
        self._passes = passes
        self._similarities = {
            "inputs": TopographicSimilarity(distance or CosineDistance()),
            ATTRIBUTES: TopographicSimilarity(attribute_distance or HammingDistance()),
            # Of one column: 0 where two are of the same class, else 1.
            CLASS: TopographicSimilarity(HammingDistance()),
        }

    def row(self, meaning: str, messages: np.ndarray, meanings: np.ndarray, labels: Row) -> Row:
        """The similarity of messages int [N, T] to meanings of one kind; N ≥ 10.

        These are "inputs" [N, F], "attributes" [N, A] or "class" [N, 1]. It is null where it is undefined in any of the
        passes. `labels` are how rows of results name the speaker.
        """
        similarity = self._similarities[meaning]
        passes = self._passes if len(messages) > self._sample.most else 1
        drawn = [self._sample.rows(len(messages), number) for number in range(passes)]
        found = np.array([similarity(messages[rows], meanings[rows]) for rows in drawn])
        defined = not np.isnan(found).any()
        return {
            "meaning": meaning,
            "distance": similarity.distance.name,
            "topsim": float(found.mean()) if defined else None,
            "deviation": deviation(found) if defined else None,
            "messages": len(drawn[0]),
            "passes": passes,
            **labels,
            "seed": self._sample.seed,
        }


def similarity_table(rows: Sequence[Row]) -> str:
    """Similarity by meaning, as text."""
    lines = [
        [" ".join(filter(None, (each["meaning"], in_words(each.get("varied", {}))))), each["distance"]]
        + ["undefined" if each[name] is None else f"{each[name]:.4f}" for name in ("topsim", "deviation")]
        for each in rows
    ]
    heads = ["meaning", "distance", "topsim", "deviation"]
    return text_table(heads, lines, left=heads)
