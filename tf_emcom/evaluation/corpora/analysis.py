"""Measures of a corpus, without the agents."""

import json
import os
from typing import Any, NamedTuple

import numpy as np

from tf_emcom import files
from tf_emcom.errors import UserError
from tf_emcom.evaluation.corpora.corpus import ANALYSIS, Corpus, order_of_play
from tf_emcom.evaluation.corpora.formats import read_lines
from tf_emcom.evaluation.corpora.language import ATTRIBUTES, LEAST, Language, TopographicSimilarities, similarity_table
from tf_emcom.evaluation.metrics.success import SuccessRate, design_effect
from tf_emcom.evaluation.results import averages, deviation, result_row
from tf_emcom.runtime.evaluation_rows import grouped
from tf_emcom.schedules import in_words

Row = dict[str, Any]

_LINES = ".jsonl"


class Said(NamedTuple):
    """What is known of the messages of some speakers, all about the same N inputs in the order of the split."""

    messages: dict[int, np.ndarray]  # speaker ↦ int [N, T]
    vocab_size: int
    named: dict[int, Row]  # speaker ↦ how lines of results name it
    common: Row  # what every line of results has
    summary: str  # what it is
    labels: dict[str, np.ndarray] = {}  # name ↦ [N, A]
    independent: bool = False
    success: dict[tuple[int, int], np.ndarray] = {}  # speaker and listener ↦ float [N]; empty: nothing was chosen
    conditions: Row = {}  # under which they chose
    symbols: np.ndarray | None = None  # int64 [V], in ascending order, where messages have their places in it


def analyse(path: str, samples: int = 2000, seed: int = 42) -> str:
    """Measures a corpus, or a file of JSON lines from anywhere, prints tables, and returns the path of the results.

    Language is measured as the mode testlanguage does, similarity to attributes as testtopsim, to the digit. A measure
    that compares messages pair by pair takes so many `samples` at most, similarity 1,000 at a time. UserError where
    there is no such corpus, it is not finished, damaged or empty, or the results cannot be written.
    """
    language, similarities = Language(samples=samples, seed=seed), TopographicSimilarities(seed=seed)
    is_lines = path.endswith(_LINES) and not os.path.isdir(path)
    said = _from_lines(path) if is_lines else _from_corpus(Corpus(path), language)
    attributes = {name: said.labels[name] for name in language.labels(list(said.labels))}
    found = language.of(said.messages, attributes, said.vocab_size, said.named, said.independent)
    similar = _similarity(said, similarities)
    accuracies = _accuracies(said)
    named = found.rows
    if said.symbols is not None:
        # By the numbers of their corpus.
        named = [{**row, "symbol": int(said.symbols[row["symbol"]])} if "symbol" in row else row for row in named]
    print(found.table)
    if similar:
        print(similarity_table([row for row in similar if "ensemble" in row] or similar))
    for row in accuracies:
        print(_sentence(row))
    results = f"{path[: -len(_LINES)]}.{ANALYSIS}" if is_lines else os.path.join(path, ANALYSIS)
    rows = [{**said.common, **row} for row in (*named, *similar, *accuracies)]
    files.write_whole(results, "".join(json.dumps(row) + "\n" for row in rows))
    of_whom = f"; mean and deviation (n − 1) of {found.averaged} speakers" if found.averaged > 1 else ""
    print(f"{said.summary}{of_whom}; everything in {results}")
    return results


def _from_corpus(corpus: Corpus, language: Language) -> Said:
    about = corpus.manifest
    labels = {*language.labels(list(about.columns)), ATTRIBUTES}
    kept = corpus.kept()
    columns = corpus.columns([name for name in kept if name in ("id", "symbols", "success") or name in labels])
    ids = columns["id"][: about.examples] if "id" in columns else order_of_play(about.examples, about.seed)
    # As evaluations have them, which draw their samples by place.
    in_order = np.argsort(ids)
    rows: dict[str, dict[tuple[int, int], np.ndarray]] = {
        name: {
            (speaker, listener): values[place * about.examples : (place + 1) * about.examples][in_order]
            for place, (speaker, listener) in enumerate(about.pairs)
        }
        for name, values in columns.items()
    }
    messages: dict[int, np.ndarray] = {}
    for (speaker, _), symbols in rows["symbols"].items():
        messages.setdefault(speaker, symbols)
    of_runs: dict[str, Row] = {"training_seed": about.training_seeds or {}, "varied": about.varied or {}}
    return Said(
        messages,
        about.vocab_size,
        {i: {"speaker": i, **{name: of[str(i)] for name, of in of_runs.items() if of}} for i in messages},
        {"mode": "analysis", "step": about.step, "split": about.split},
        f"{about.split} split of {about.data}, step {about.step:,}, {about.examples:,} messages a speaker",
        {name: next(iter(rows[name].values())) for name in rows if name in labels},
        about.training_seeds is not None,
        rows.get("success", {}),
        {
            "noise": about.noise,
            "channel": about.channel,
            **({} if about.candidates is None else {"candidates": about.candidates}),
        },
    )


def _from_lines(path: str) -> Said:
    found = read_lines(path)
    longest = int(found.lengths.max(initial=0))
    if not longest:
        raise UserError(f"{path} has no message with a symbol in it; give one JSON array of whole numbers a line.")
    # By their rank among those that occur: tables have a column for each symbol, and ids may be any numbers.
    symbols, ranks = np.unique(found.symbols, return_inverse=True)
    if symbols[0] < 0:
        raise UserError(
            f"{path} has the symbol {symbols[0]}, but symbols are numbers from 0 on; number them differently."
        )
    shorter = int((found.lengths < longest).sum())
    summary = f"{len(found.lengths):,} messages of {longest} symbols out of {len(symbols)}"
    if shorter:
        summary = (
            f"{len(found.lengths):,} messages of at most {longest} symbols out of {len(symbols)}; {shorter:,} that are"
            f" shorter were filled up with one more symbol, {symbols[-1] + 1}"
        )
        symbols = np.append(symbols, symbols[-1] + 1)
    messages = found._replace(symbols=ranks).filled(longest, np.full(len(found.lengths), len(symbols) - 1))
    return Said({0: messages}, len(symbols), {0: {}}, {"mode": "analysis"}, summary, symbols=symbols)


def _similarity(said: Said, similarities: TopographicSimilarities) -> list[Row]:
    """Similarity to attributes, where there are any and messages enough; with the mean over speakers."""
    meanings = said.labels.get(ATTRIBUTES)
    if meanings is None or len(meanings) < LEAST:
        return []
    alone = said.independent or len(said.messages) == 1
    rows = [
        result_row(similarities.row(ATTRIBUTES, messages, meanings, said.named[speaker]), whole=alone)
        for speaker, messages in said.messages.items()
    ]
    return rows if alone else [*rows, *averages(rows, ["varied", "meaning"], "topsim")]


def _accuracies(said: Said) -> list[Row]:
    """The mean success of each pair, and where there are several, the mean over pairs."""
    rows = []
    alone = said.independent or len(said.success) == 1
    for (speaker, listener), success in said.success.items():
        # One game an input.
        effect = float(design_effect(success, np.ones(len(success))))
        rate = SuccessRate(float(success.sum(dtype=np.float64)), len(success), effect)
        who = {**said.named[speaker], "listener": listener, **said.conditions, "measure": "accuracy"}
        games = {"messages": len(success), "inputs": len(success)}
        rows.append(result_row(who, {"value": rate.accuracy, "interval": list(rate.interval)}, games, whole=alone))
    for cell in grouped(["varied"], rows).values():
        if len(cell) > 1:
            values, setting = [row["value"] for row in cell], {key: cell[0][key] for key in cell[0] if key == "varied"}
            who = {"measure": "accuracy", "ensemble": "average", "pairs": len(cell), **setting}
            mean = {"value": float(np.mean(values)), "deviation": deviation(values), "messages": cell[0]["messages"]}
            rows.append(result_row(who, mean, whole=not alone))
    return rows


def _sentence(row: Row) -> str:
    if "pairs" in row:
        found = f"{row['value']:.4f} ± {row['deviation']:.4f}"
        setting = in_words(row.get("varied", {}))
        return f"accuracy {found}, mean and deviation (n − 1) of {row['pairs']} pairs{setting and f', {setting}'}"
    low, high = row["interval"]
    among = f", {row['candidates']} candidates" if "candidates" in row else ""
    who = f"speaker {row['speaker']} with listener {row['listener']}{among}, noise {row['noise']:g} ({row['channel']})"
    return f"accuracy {row['value']:.4f} ({low:.4f} to {high:.4f}) of {who}"
