"""The section about languages."""

from collections.abc import Iterator, Sequence

from tf_emcom.reports.accuracy import missing
from tf_emcom.reports.blocks import Cell, Table, left_out, number
from tf_emcom.reports.lines import Lines, Row
from tf_emcom.reports.run import Run
from tf_emcom.reports.section import Section
from tf_emcom.reports.standing import of_the_run

_ABOUT = {
    "message_entropy": "entropy of whole messages, in nats",
    "unique_messages": "how many different messages are said",
    "unique_message_share": "the same, as a share of all messages",
    "mean_edit_distance": "between two messages, as a share of their length",
    "edit_distance_between_speakers": "between what two speakers say of one input, as a share of the length",
    "positional_disentanglement": "whether each position tells one attribute",
    "bag_of_symbols_disentanglement": "whether each symbol, wherever it stands, tells one attribute",
    "context_independence": "whether each symbol always goes with one attribute",
}
_BY_POSITION = ("symbol_entropy", "symbol_use")


class LanguageMeasures(Section):
    """Results of the modes testtopsim and testlanguage."""

    title = "Language measures"
    place = 90
    explanation = "Measures of greedy messages about the test split, by themselves and against what they are about."

    def blocks(self, runs: Sequence[Run]) -> Iterator[object]:
        """One table with a column a run."""
        columns: list[dict[tuple[str, str], Row]] = []
        for run in runs:
            similarity, measures = run.evaluation("testtopsim", []), run.evaluation("testlanguage", [])
            for mode, lines in (("testtopsim", similarity), ("testlanguage", measures)):
                yield from left_out(run.name, f"eval/{mode}.jsonl", lines.left_out)
                if not lines.rows:
                    yield missing(run, mode)
            columns.append({**_similarities(similarity), **_measures(measures)})
        names = list(dict.fromkeys(name for column in columns for name in column))
        if names:
            rows = [
                [Cell(measure), Cell(about), *(_cell(column.get((measure, about))) for column in columns)]
                for measure, about in names
            ]
            caption = (
                "Language measures. ±: standard deviation between agents, or for topographic similarity of one speaker"
                " between draws of messages."
            )
            yield Table(caption, ["measure", "what it is", *(run.name for run in runs)], rows, headed=2)


def _similarities(lines: Lines) -> dict[tuple[str, str], Row]:
    found: dict[tuple[str, str], Row] = {}
    usable = [row for row in lines.rows if "topsim" in row and "meaning" in row]
    for row in _whole(usable, ["meaning"], "topsim"):
        about = f"correlation of distances between messages with those between {row['meaning']} ({row.get('distance')})"
        found["topographic similarity", about] = {**row, "value": row["topsim"]}
    return found


def _measures(lines: Lines) -> dict[tuple[str, str], Row]:
    usable = [row for row in lines.rows if "measure" in row and "value" in row and row["measure"] not in _BY_POSITION]
    # Each two speakers have a line of their own; their mean is told.
    usable = [row for row in usable if "other_speaker" not in row]
    found: dict[tuple[str, str], Row] = {}
    for row in _whole(usable, ["measure", "attributes"], "value"):
        against = f" ({row['attributes']})" if row.get("attributes") else ""
        found[row["measure"].replace("_", " "), _ABOUT.get(row["measure"], "") + against] = row
    return found


def _whole(rows: list[Row], keys: list[str], value: str) -> list[Row]:
    return next(iter(of_the_run(rows, keys, value).values()), []) if rows else []


def _cell(row: Row | None) -> Cell:
    if row is None:
        return Cell("–")
    deviation = row.get("deviation")
    return number(row["value"], note=f"± {deviation:.3f}" if deviation else "")
