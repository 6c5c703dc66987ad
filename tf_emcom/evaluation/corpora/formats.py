"""Formats of corpora."""

import abc
import array
import contextlib
import importlib.util
import json
import os
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np

from tf_emcom import files
from tf_emcom.errors import UserError
from tf_emcom.evaluation.corpora.manifest import ColumnType, Manifest

# Writes the next B rows: every column of the manifest, each [B, ...].
Append = Callable[[dict[str, np.ndarray]], None]


class CorpusFormat(abc.ABC):
    """How a corpus lies in files: written block by block, in memory that does not grow with the corpus, and read back.

    Its name is the class's, in lower case.
    """

    library: str | None = None  # what it needs of the extra `corpora`
    holds: str  # a regular expression of the paths of its files in the folder of a corpus

    def __init__(self, folder: str, manifest: Manifest) -> None:
        """Sets where the files are, and what is in them."""
        self.folder, self.manifest = folder, manifest

    @classmethod
    def check(cls) -> None:
        """Called before anything is computed; UserError where the library is missing."""
        if cls.library is not None and importlib.util.find_spec(cls.library) is None:
            raise UserError(
                f"Corpora in the format {cls.__name__.lower()} need {cls.library}, which is not installed; run pip"
                f" install {cls.library}, or choose --format=jsonl or --format=numpy."
            )

    def keeps(self, column: str) -> bool:
        """Whether a column is written."""
        return True

    @abc.abstractmethod
    def writing(self) -> AbstractContextManager[Append]:
        """Makes the files in the folder, gives the function that appends rows to them, and closes them."""

    @abc.abstractmethod
    def read(self, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Columns that it keeps: name ↦ [N, ...] in the types they were written in; UserError as for `undamaged`."""

    def undamaged(self, name: str) -> str:
        """The path of a file in the folder; UserError where it is missing or not as it was written."""
        path, written = os.path.join(self.folder, name), (self.manifest.files or {}).get(name)
        fix = f"write the corpus again with {self.manifest.command}"
        files.require_regular(path, fix)
        with files.file_errors(path, "cannot be read", fix):
            found = files.file_checksum(path)
        if found != written:
            raise UserError(f"{path} is damaged (its checksum is {found}, and {written} was written); {fix}")
        return path


class MessageLines(NamedTuple):
    """N messages, one behind the other."""

    symbols: np.ndarray  # int64 [lengths.sum()]
    lengths: np.ndarray  # int64 [N]

    def filled(self, length: int, fill: np.ndarray) -> np.ndarray:
        """Int64 [N, length], messages that are shorter being filled up with the numbers of `fill`, int [N]."""
        rows = np.repeat(fill[:, np.newaxis], length, axis=1)
        rows[np.arange(length) < self.lengths[:, np.newaxis]] = self.symbols
        return rows


def read_lines(path: str) -> MessageLines:
    """Reads a file in which each line is a JSON array of whole numbers; UserError where a line is something else.

    Empty lines are passed over, and so is the byte order mark that some editors put before the text.
    """
    symbols, lengths, fix = array.array("q"), array.array("q"), "name a file of JSON lines"
    files.require_regular(path, fix)
    try:
        with open(path, encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    lengths.append(_append(symbols, line, f"Line {number} of {path}"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}); {fix}.") from error
    return MessageLines(np.array(symbols, np.int64), np.array(lengths, np.int64))


def _append(symbols: array.array, line: str, where: str) -> int:
    try:
        message = json.loads(line)
        if isinstance(message, list):
            symbols.extend(message)
            return len(message)
    except (ValueError, TypeError, OverflowError, RecursionError):
        pass
    raise UserError(f"{where} is {line.strip()!r:.80}, but each line has to be a message, as in [3, 17, 4].")


_SYMBOLS = "symbols"


class Jsonl(CorpusFormat):
    """`messages.jsonl`: each line is one message as it was sent, a JSON array of whole numbers, and nothing else.

    It is the form that the collection ELCC and the benchmark XferBench read. A message that ends keeps its first end
    symbol, and what follows is left out: no line is empty, and none says more than the speaker did.
    """

    holds = r"messages\.jsonl"

    def keeps(self, column: str) -> bool:
        return column == _SYMBOLS

    @contextlib.contextmanager
    def writing(self) -> Iterator[Append]:
        with open(os.path.join(self.folder, "messages.jsonl"), "w", encoding="utf-8") as file:

            def append(columns: dict[str, np.ndarray]) -> None:
                ends = columns["length"] + 1
                messages = zip(columns[_SYMBOLS].tolist(), ends.tolist(), strict=True)
                file.writelines(json.dumps(message[:end]) + "\n" for message, end in messages)

            yield append

    def read(self, names: Sequence[str]) -> dict[str, np.ndarray]:
        found = read_lines(self.undamaged("messages.jsonl"))
        column = self.manifest.columns[_SYMBOLS]
        last = found.symbols[np.cumsum(found.lengths) - 1]
        return {name: found.filled(column.shape[0], last).astype(column.in_memory) for name in names}


class Numpy(CorpusFormat):
    """`numpy/COLUMN.npy`, an array [N, ...] each; `np.load(…, mmap_mode="r")` maps it.

    Texts are kept with as many bytes or characters as the longest has, so that no pickle is needed.
    """

    holds = r"numpy/[^/]+\.npy"

    @contextlib.contextmanager
    def writing(self) -> Iterator[Append]:
        os.makedirs(os.path.join(self.folder, "numpy"))
        with contextlib.ExitStack() as opened:
            written = {}
            for name, column in self.manifest.columns.items():
                path, shape = os.path.join(self.folder, self._file(name)), (self.manifest.count, *column.shape)
                offset = np.lib.format.open_memmap(path, "w+", column.on_disk, shape).offset
                # Not through the mapping, whose pages would stay in memory until the system wants them.
                written[name] = opened.enter_context(open(path, "r+b"))
                written[name].seek(offset)

            def append(columns: dict[str, np.ndarray]) -> None:
                for name, column in self.manifest.columns.items():
                    written[name].write(columns[name].astype(column.on_disk).tobytes())

            yield append

    def read(self, names: Sequence[str]) -> dict[str, np.ndarray]:
        found = {name: np.load(self.undamaged(self._file(name)), mmap_mode="r") for name in names}
        texts = {name for name, column in self.manifest.columns.items() if column.is_text}
        return {name: values.astype(object) if name in texts else values for name, values in found.items()}

    def _file(self, name: str) -> str:
        return f"numpy/{urllib.parse.quote(name, safe='')}.npy"


# Rows that are compressed together: many enough to be compressed well, few enough to wait in memory.
_ROWS_A_GROUP = 65536


class Parquet(CorpusFormat):
    """`corpus.parquet`: a row a message; what has several numbers in each row is a list of fixed length.

    What corpus.json says is in the table's metadata, too, under the key "tf_emcom", so that the file stands by itself.
    """

    library = "pyarrow"
    holds = r"corpus\.parquet"

    @contextlib.contextmanager
    def writing(self) -> Iterator[Append]:
        self.check()
        import pyarrow as pa
        import pyarrow.parquet as pq

        empty = {name: _array(c, np.empty((0, *c.shape), c.in_memory)) for name, c in self.manifest.columns.items()}
        fields = [pa.field(name, array.type, nullable=False) for name, array in empty.items()]
        schema = pa.schema(fields, {"tf_emcom": self.manifest._replace(complete=True).text()})
        writer = pq.ParquetWriter(os.path.join(self.folder, "corpus.parquet"), schema)
        waiting: list[pa.RecordBatch] = []

        def write() -> None:
            if waiting:
                writer.write_table(pa.Table.from_batches(waiting))
                waiting.clear()

        def append(columns: dict[str, np.ndarray]) -> None:
            arrays = [_array(column, columns[name]) for name, column in self.manifest.columns.items()]
            waiting.append(pa.RecordBatch.from_arrays(arrays, schema=schema))
            if sum(map(len, waiting)) >= _ROWS_A_GROUP:
                write()

        try:
            yield append
            write()
            writer.close()
        except BaseException:
            with contextlib.suppress(OSError, pa.ArrowException):
                writer.close()
            # Else pyarrow tries again when it forgets the writer, and prints what fails.
            writer.is_open = False
            raise

    def read(self, names: Sequence[str]) -> dict[str, np.ndarray]:
        self.check()
        import pyarrow.parquet as pq

        columns = {name: self.manifest.columns[name] for name in names}
        found = {name: np.empty((self.manifest.count, *c.shape), c.in_memory) for name, c in columns.items()}
        row = 0
        with pq.ParquetFile(self.undamaged("corpus.parquet")) as file:
            for batch in file.iter_batches(columns=list(names)):
                for name, column in columns.items():
                    found[name][row : row + len(batch)] = _values(column, batch.column(name))
                row += len(batch)
        return found


def _array(column: ColumnType, values: np.ndarray) -> Any:
    """Values [B, ...] as an Arrow array of nested lists of fixed length."""
    import pyarrow as pa

    texts = {"bytes": pa.binary(), "text": pa.string()}
    found = pa.array(np.ravel(values), texts[column.dtype] if column.is_text else pa.from_numpy_dtype(column.on_disk))
    for size in reversed(column.shape):
        found = pa.FixedSizeListArray.from_arrays(found, size)
    return found


def _values(column: ColumnType, found: Any) -> np.ndarray:
    """The values [B, ...] of an Arrow array of nested lists."""
    rows = len(found)
    for _ in column.shape:
        found = found.flatten()
    return found.to_numpy(zero_copy_only=False).reshape(rows, *column.shape)
