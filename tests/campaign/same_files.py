"""Compares what two runs of one setting have written, to the bit, without the library that wrote it."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

# Time, and what is computed from the other fields.
_IGNORED = {"games_per_second", "checksum", "lines"}
_ROWS = ("run/metrics.jsonl", "run/eval/*.jsonl", "run/corpora/*/*.jsonl", "export_results/eval/*.jsonl")
_COLUMNS = ("run/corpora/*/numpy/*.npy", "run/corpora/*/*.parquet", "agents/outputs.npz")
# owner, position, name
_WEIGHT = re.compile(r"(.+)/weights/(\d+)_(.*)/\.ATTRIBUTES/VARIABLE_VALUE")

Arrays = dict[str, np.ndarray]


class Verdict(NamedTuple):
    """What was compared, and what came of it.

    Attributes:
      rows: how many rows.
      numbers: how many numbers in these rows and in columns of corpora.
      weights: how many numbers in checkpoints.
      differences: one sentence each.
      gained: fields and columns that are new.
      notes: what else is reported but is no difference.
    """

    rows: int = 0
    numbers: int = 0
    weights: int = 0
    differences: tuple[str, ...] = ()
    gained: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def plus(self, other: "Verdict") -> "Verdict":
        return Verdict(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def __str__(self) -> str:
        counts = f"{self.rows:,} rows, {self.numbers:,} numbers, {self.weights:,} weights"
        more = f" (and {len(self.differences) - 1} more)" if len(self.differences) > 1 else ""
        outcome = f"DIFFERENT: {self.differences[0]}{more}" if self.differences else "same"
        gained = [f"gained fields: {', '.join(sorted(set(self.gained)))}"] if self.gained else []
        return "; ".join([outcome, counts, *gained, *self.notes])


def compare(before: Path, after: Path, allow_more_rows: bool = False, only: str = "") -> Verdict:
    """Compares the folders of a setting; `only` is a pattern of the files that count, such as "eval/"."""
    verdict = Verdict()
    for path in _files(before, _ROWS, only):
        found = _missing(path) if not (after / path).exists() else compare_rows(path, before, after, allow_more_rows)
        verdict = verdict.plus(found)
    for path in _files(before, _COLUMNS, only):
        verdict = verdict.plus(_missing(path) if not (after / path).exists() else _compare_columns(path, before, after))
    if re.search(only, "run/checkpoints"):
        verdict = verdict.plus(_compare_checkpoints(before, after))
    more = [path for path in _files(after, _ROWS, only) if not (before / path).exists()]
    words = tuple(f"{path} is new" for path in more)
    verdict = verdict.plus(Verdict(notes=words) if allow_more_rows else Verdict(differences=words))
    return verdict.plus(Verdict(notes=_tables(before, after)))


def _files(folder: Path, patterns: tuple[str, ...], only: str) -> list[str]:
    paths = [str(path.relative_to(folder)) for pattern in patterns for path in sorted(folder.glob(pattern))]
    return [path for path in paths if re.search(only, path)]


def _missing(path: str) -> Verdict:
    return Verdict(differences=(f"{path} is missing",))


def compare_rows(path: str, before: Path, after: Path, allow_more_rows: bool) -> Verdict:
    """Compares two files of JSON lines; rows may have gained fields, and be more where that is allowed."""
    olds, news = ([_flat(json.loads(line)) for line in (f / path).read_text().splitlines()] for f in (before, after))
    numbers = sum(_count(value) for row in olds for value in row.values())
    compared = Verdict(len(olds), numbers)
    pairs = _pairs(olds, news) if len(news) > len(olds) else list(enumerate(news))[: len(olds)]
    for place, (old, (_, new)) in enumerate(zip(olds, pairs, strict=False), 1):
        if words := _difference(old, new):
            return compared.plus(Verdict(differences=(f"{path}, row {place}: {words}",)))
    if len(pairs) < len(olds):
        place = len(pairs)
        words = f"{path}: {len(news)} rows in place of {len(olds)}; row {place + 1} has no equal"
        if place < len(news):
            words += f" ({_difference(olds[place], news[place])})"
        return compared.plus(Verdict(differences=(words,)))
    gained = {name for old, (_, new) in zip(olds, pairs, strict=True) for name in new.keys() - old.keys()}
    compared = compared.plus(Verdict(gained=tuple(gained)))
    if added := len(news) - len(olds):
        words = (f"{path} has {added} added rows, the first is row {_first_added(pairs)}",)
        return compared.plus(Verdict(notes=words) if allow_more_rows else Verdict(differences=words))
    return compared


def _pairs(olds: list[dict], news: list[dict]) -> list[tuple[int, dict]]:
    """The new rows that equal the old ones, in their order, as far as there are such."""
    found, rest = [], enumerate(news)
    for old in olds:
        equal = next(((place, new) for place, new in rest if not _difference(old, new)), None)
        if equal is None:
            break
        found.append(equal)
    return found


def _first_added(pairs: list[tuple[int, dict]]) -> int:
    return next((i for i, (place, _) in enumerate(pairs) if place != i), len(pairs)) + 1


def _flat(value: Any, name: str = "") -> dict[str, str]:
    """Path of a field ↦ its value as JSON, in which every bit of a number counts, and NaN equals NaN."""
    if isinstance(value, dict):
        parts = {f"{name}.{key}" if name else key: each for key, each in value.items() if key not in _IGNORED}
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        parts = {f"{name}[{i}]": each for i, each in enumerate(value)}
    else:
        return {name: json.dumps(value)}
    return {path: text for part, each in parts.items() for path, text in _flat(each, part).items()}


def _difference(old: dict[str, str], new: dict[str, str]) -> str:
    for name, value in old.items():
        if name not in new:
            return f"{name} is gone"
        if new[name] != value:
            return f"{name or 'the message'} is {new[name][:60]} in place of {value[:60]}"
    return ""


def _count(text: str) -> int:
    return len(re.findall(r"-?\b\d[\d.e+-]*|NaN|Infinity", re.sub(r'"[^"]*"', "", text)))


def _compare_columns(path: str, before: Path, after: Path) -> Verdict:
    olds, news = (_columns(folder / path) for folder in (before, after))
    compared = Verdict(numbers=sum(old.size for old in olds.values()))
    wrong = tuple(f"{path}: {words}" for words in map(_other(olds, news), olds) if words)
    return compared.plus(Verdict(differences=wrong, gained=tuple(news.keys() - olds.keys())))


def _columns(path: Path) -> Arrays:
    if path.suffix == ".npz":
        with np.load(path) as stored:
            return dict(stored)
    if path.suffix == ".npy":
        return {path.stem: np.load(path)}
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path)
    return {name: np.asarray(table.column(name).to_pylist()) for name in table.column_names}


def _other(olds: Arrays, news: Arrays):
    """The function from a name to what is different there."""

    def words(name: str) -> str:
        old, new = olds[name], news.get(name)
        if new is None:
            return f"{name} is missing"
        if (old.dtype, old.shape) != (new.dtype, new.shape):
            return f"{name} is {new.dtype}{list(new.shape)} in place of {old.dtype}{list(old.shape)}"
        if _digest(old) == _digest(new):
            return ""
        each = next((i for i in np.ndindex(old.shape) if _digest(old[i]) != _digest(new[i])), ())
        return f"{name}{list(each)} is {new[each]} in place of {old[each]}"

    return words


def _digest(value: np.ndarray) -> bytes:
    # The bytes of an array of objects are addresses.
    value = np.asarray(value)
    return repr(value.tolist()).encode() if value.dtype == object else value.tobytes()


def _compare_checkpoints(before: Path, after: Path) -> Verdict:
    (olds, old_keys), (news, new_keys) = _weights(before / "run"), _weights(after / "run")
    compared = Verdict(weights=sum(old.size for old in olds.values()))
    shared = [name for name in sorted(olds) if name in news]
    wrong = [words for words in map(_other(olds, news), shared) if words]
    # What is stored under other keys has to be the same, whatever the keys.
    lost, gained = sorted(olds.keys() - news.keys()), sorted(news.keys() - olds.keys())
    if sorted(_content(olds[name]) for name in lost) != sorted(_content(news[name]) for name in gained):
        wrong.append(f"variables {', '.join(lost) or 'none'} are gone and {', '.join(gained) or 'none'} are new")
    changed = old_keys.keys() ^ new_keys.keys()
    notes = (f"{len(changed)} keys changed, e.g. {', '.join(sorted(changed)[:4])}",) if changed else ()
    return compared.plus(Verdict(differences=tuple(f"checkpoint: {words}" for words in wrong), notes=notes))


def _content(value: np.ndarray) -> tuple[str, str, bytes]:
    return str(value.dtype), str(value.shape), _digest(value)


def _weights(run: Path) -> tuple[Arrays, dict[str, str]]:
    """Owner and position ↦ value, and key ↦ owner and position, of the newest checkpoint."""
    import tensorflow as tf

    steps = [int(path.stem.removeprefix("ckpt-")) for path in run.glob("checkpoints/ckpt-*.index")]
    reader = tf.train.load_checkpoint(str(run / "checkpoints" / f"ckpt-{max(steps)}"))
    kinds = reader.get_variable_to_dtype_map()
    # Text is what actions keep, and the graph of objects.
    keys = {key: _identity(key) for key, kind in kinds.items() if kind != tf.string and "save_counter" not in key}
    return {identity: np.asarray(reader.get_tensor(key)) for key, identity in keys.items()}, keys


def _identity(key: str) -> str:
    found = _WEIGHT.fullmatch(key)
    return f"{found[1]} {int(found[2])}" if found else key


def _tables(before: Path, after: Path) -> tuple[str, ...]:
    """How many printed lines of evaluations differ, as a note."""
    both = [(path, after / "printed" / path.name) for path in sorted(before.glob("printed/*evaluate*.txt"))]
    texts = [[p.read_text().replace(str(p.parents[1]), "") for p in pair] for pair in both if pair[1].exists()]
    count = sum(old != new for olds, news in texts for old, new in _lines(olds, news))
    return (f"{count} printed lines differ",) if count else ()


def _lines(old: str, new: str) -> list[tuple[str, str]]:
    olds, news = old.splitlines(), new.splitlines()
    longest = max(len(olds), len(news))
    return [((olds + [""] * longest)[i], (news + [""] * longest)[i]) for i in range(longest)]
