"""Which rows of eval/<mode>.jsonl are kept when a test runs again, and which of them are about the run as it is now."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from tf_emcom.files import checksum

Row = dict[str, Any]

# The fields that say what was measured. The rows of all agents about one such cell belong together: pairs, speakers,
# positions, and the means over them.
_CELL = (
    *("mode", "task", "step", "split", "data", "channel", "candidates", "noise", "input_noise", "views", "erased"),
    *("meaning", "distance", "measure", "attributes", "seed"),
)
_AGENTS = ("speaker", "listener", "other_speaker", "ensemble")
# How something was measured: a figure or a table holds the rows of one setting.
_SETTING = ("task", "split", "data", "channel", "views", "distance", "seed")


def checksum_of(weights: Mapping[str, Sequence[keras.Variable]]) -> str:
    """The CRC-32 of all weights, in hexadecimal: it differs between two runs whose steps are the same."""
    found = 0
    for name in sorted(weights):
        for variable in weights[name]:
            found = checksum(tf.convert_to_tensor(variable).numpy().tobytes(), found)
    return f"{found:08x}"


def merged(old: Sequence[Row], new: Sequence[Row]) -> tuple[list[Row], int]:
    """The rows of a file after another evaluation, and how many of the new ones are not among them.

    The new rows about a cell replace those that were measured before only if they are of as many games (messages, for
    measures of language) or more, and about all of their agents; otherwise the old ones stay. Rows about other cells
    and of other steps stay. Old rows are dropped if they have no number of games or messages, such as those of example
    games, or if they are of the same step and of other `weights`: then they are about another run.

    The old rows that stay come first.
    """
    weights = {row.get("step"): row.get("weights") for row in new}
    kept = grouped(_CELL, (row for row in old if _size(row) and not _of_other_weights(row, weights)))
    left_out: set[int] = set()
    for cell, rows in grouped(_CELL, new).items():
        before = kept.get(cell, [])
        if {*grouped(_AGENTS, before)} <= {*grouped(_AGENTS, rows)} and _most(before) <= _most(rows):
            kept.pop(cell, None)
        else:
            left_out |= set(map(id, rows))
    added = [row for row in new if id(row) not in left_out]
    return [*(row for rows in kept.values() for row in rows), *added], len(left_out)


def of_the_run(rows: Sequence[Row]) -> list[Row]:
    """The rows that are about a run as it is now: of its newest step, and of one setting.

    A file can hold rows of several splits, data sets, channels or seeds. Those of the setting with most games
    (messages) are taken, of equal ones the latest. Rows without a mode, such as those of a learning curve, are all
    taken.
    """
    tested = [row for row in rows if "mode" in row]
    newest = max((row["step"] for row in tested if isinstance(row.get("step"), int)), default=None)
    chosen: set[int] = set()
    for same in grouped(("mode", "meaning"), (row for row in tested if row.get("step") == newest)).values():
        # The latest first, since `max` takes the first of equals.
        largest = max(grouped(_SETTING, reversed(same)).values(), key=lambda found: sum(map(_size, found)))
        chosen |= set(map(id, largest))
    return [row for row in rows if "mode" not in row or id(row) in chosen]


def grouped(fields: Sequence[str], rows: Iterable[Row]) -> dict[tuple, list[Row]]:
    """The rows that have the same values under the fields, in order of appearance; 0 and 0.0 are the same."""
    found: dict[tuple, list[Row]] = {}
    for row in rows:
        values = (row.get(field) for field in fields)
        # Files hold lists, too.
        key = tuple(value if isinstance(value, Hashable) else repr(value) for value in values)
        found.setdefault(key, []).append(row)
    return found


def _of_other_weights(row: Row, weights: Mapping[Any, str | None]) -> bool:
    """Whether a row is of a step that was just measured, and not of these weights, by step."""
    known, found = row.get("weights"), weights.get(row.get("step"))
    return None not in (known, found) and known != found


def _most(rows: Iterable[Row]) -> int:
    return max(map(_size, rows), default=0)


def _size(row: Row) -> int:
    """How many games or messages a row is about; 0 if it does not say."""
    count, passes = row.get("games", row.get("messages")), row.get("passes", 1)
    return count * passes if isinstance(count, int) and isinstance(passes, int) else 0
