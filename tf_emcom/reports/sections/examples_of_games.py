"""The section that shows games."""

from collections.abc import Iterator, Sequence

from tf_emcom.reports.accuracy import missing
from tf_emcom.reports.blocks import Entry, Games, left_out
from tf_emcom.reports.lines import Row
from tf_emcom.reports.run import Run
from tf_emcom.reports.section import Section

_NEEDED = ("noise", "target", "choice", "erased_symbol")
_LISTS = ("candidates", "called", "probabilities")


class ExamplesOfGames(Section):
    """Results of the mode examplegames."""

    title = "Example games"
    place = 110
    explanation = (
        "Games of greedy agents on the test split, with candidates drawn at random: the speaker sees the right one and"
        " says a message, the channel erases symbols, the listener gives each candidate a probability and takes the"
        " likeliest."
    )

    def blocks(self, runs: Sequence[Run]) -> Iterator[object]:
        """Each run's games."""
        for run in runs:
            lines = run.evaluation("examplegames", _NEEDED)
            whole = [row for row in lines.rows if _is_whole(row)]
            left = lines.left_out + len(lines.rows) - len(whole)
            yield from left_out(run.name, "eval/examplegames.jsonl", left)
            if whole:
                yield Games(Entry(run.mark, run.name), whole)
            elif not run.transfers and not run.names:
                yield missing(run, "examplegames")


def _is_whole(row: Row) -> bool:
    """Whether a line has all that is shown."""
    lists = [row.get(key) for key in (*_LISTS, *(["pictures"] if "pictures" in row else []))]
    said = row.get("message"), row.get("received")
    if not all(isinstance(each, list) for each in (*lists, *said)):
        return False
    counts = {len(each) for each in lists}
    if not all(isinstance(share, int | float) for share in row["probabilities"]):
        return False
    return len(counts) == 1 and len(said[0]) == len(said[1]) and max(row["target"], row["choice"]) < counts.pop()
