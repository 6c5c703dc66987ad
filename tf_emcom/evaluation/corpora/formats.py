"""Formats of corpora."""

import abc
import array
import contextlib
import importlib.util
import json
import os
import urllib.parse
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np

from tf_emcom import files
from tf_emcom.errors import UserError
from tf_emcom.evaluation.corpora.manifest import ColumnType, Manifest


class CorpusFormat(abc.ABC):
    """How a corpus lies in files: written block by block, in memory that does not grow with the corpus, and read back.

    Its name is the class's, in lower case.

    Attributes:
      library: what it needs of the extra `corpora`; None: nothing.
      holds: a regular expression of the paths of its files in the folder of a corpus.
      opened: the files that are written, which `finish` and `close` close.
    """

    library: str | None = None
    holds: str

    def __init__(self, folder: str, manifest: Manifest) -> None:
        """Says where the files are, and what is in them."""
        self.folder = folder
        self.manifest = manifest
        self.opened: list[IO] = []

    @classmethod
    def check(cls) -> None:
        """Called before anything is computed; UserError where the library is missing."""
        if cls.library is not None and importlib.util.find_spec(cls.library) is None:
            raise UserError(
                f"Corpora in the format {cls.__name__.lower()} need {cls.library}, which is not installed; run pip"
                " install -c constraints.txt -e '.[corpora]', or choose --format=jsonl or --format=numpy."
            )

    def keeps(self, column: str) -> bool:
        """Whether a column is written."""
        return True

    @abc.abstractmethod
    def begin(self) -> None:
        """Makes the files, in the folder that is there."""

    @abc.abstractmethod
    def append(self, columns: dict[str, np.ndarray]) -> None:
        """Writes the next B rows; every column of the manifest, each [B, ...]."""

    def finish(self) -> None:
        """Called once, after the last block; by default it closes the files in `opened`."""
        for file in self.opened:
            file.close()

    def close(self) -> None:
        """Called in place of `finish`, or after it failed, at any moment after `begin` was called; raises nothing."""
        for file in self.opened:
            with contextlib.suppress(OSError):
                file.close()

    @abc.abstractmethod
    def read(self, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Columns that it keeps: name ↦ [N, ...] in the types they were written in.

        UserError where a file is missing or damaged.
        """

    def require_undamaged(self, path: str) -> None:
        """UserError where a file is missing or not as it was written; of older corpora that is not known."""
        if not os.path.isfile(path):
            raise self.damaged(path, "it is missing" if not os.path.lexists(path) else "it is no regular file")
        if self.manifest.files is None:
            return
        written = self.manifest.files.get(os.path.relpath(path, self.folder))
        try:
            found = files.file_checksum(path)
        except files.FILE_ERRORS as error:
            raise self.damaged(path, files.reason(error)) from error
        if found != written:
            raise self.damaged(path, f"its checksum is {found}, and {written} was written")

    def damaged(self, path: str, how: str) -> UserError:
        """What is to be raised about a file that is not as it was written."""
        return UserError(f"{path} is damaged ({how}); write the corpus again with {self.manifest.command}")


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
    """Reads a file in which each line is a JSON array of whole numbers; empty lines are passed over.

    Raises:
      UserError: the file cannot be read, or a line is something else.
    """
    symbols, lengths = array.array("q"), array.array("q")
    if os.path.lexists(path) and not os.path.isfile(path):
        raise UserError(f"{path} cannot be read (it is no regular file); name a file of JSON lines.")
    try:
        # Some editors put a byte order mark before the text.
        with open(path, encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    lengths.append(_append(symbols, line, f"Line {number} of {path}"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}); name a file of JSON lines.") from error
    return MessageLines(np.array(symbols, np.int64), np.array(lengths, np.int64))


def _append(symbols: array.array, line: str, where: str) -> int:
    """Appends the symbols of a line, and says how many they are."""
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

    def begin(self) -> None:
        self.opened = [open(self._path, "w", encoding="utf-8")]

    def append(self, columns: dict[str, np.ndarray]) -> None:
        ends = columns["length"] + 1
        messages = zip(columns[_SYMBOLS].tolist(), ends.tolist(), strict=True)
        self.opened[0].writelines(json.dumps(message[:end]) + "\n" for message, end in messages)

    def read(self, names: Sequence[str]) -> dict[str, np.ndarray]:
        self.require_undamaged(self._path)
        try:
            found = read_lines(self._path)
        except UserError as error:
            raise self.damaged(self._path, str(error)) from error
        column, count = self.manifest.columns[_SYMBOLS], self.manifest.count
        if len(found.lengths) != count or not len(found.lengths) or not 1 <= found.lengths.min():
            raise self.damaged(self._path, f"it has {len(found.lengths)} messages, and {count} were written")
        if found.lengths.max() > column.shape[0]:
            raise self.damaged(self._path, f"a message has {found.lengths.max()} symbols")
        last = found.symbols[np.cumsum(found.lengths) - 1]
        return {name: found.filled(column.shape[0], last).astype(column.in_memory) for name in names}

    @property
    def _path(self) -> str:
        return os.path.join(self.folder, "messages.jsonl")


class Numpy(CorpusFormat):
    """`numpy/COLUMN.npy`, an array [N, ...] each; `np.load(…, mmap_mode="r")` maps it.

    Texts are kept with as many bytes or characters as the longest has, so that no pickle is needed.
    """

    holds = r"numpy/[^/]+\.npy"

    def begin(self) -> None:
        os.makedirs(os.path.join(self.folder, "numpy"))
        for name, column in self.manifest.columns.items():
            path, shape = self._path(name), (self.manifest.count, *column.shape)
            offset = np.lib.format.open_memmap(path, "w+", column.on_disk, shape).offset
            # Not through the mapping, whose pages would stay in memory until the system wants them.
            self.opened.append(open(path, "r+b"))
            self.opened[-1].seek(offset)

    def append(self, columns: dict[str, np.ndarray]) -> None:
        for file, (name, column) in zip(self.opened, self.manifest.columns.items(), strict=True):
            file.write(columns[name].astype(column.on_disk).tobytes())

    def read(self, names: Sequence[str]) -> dict[str, np.ndarray]:
        return {name: self._read(name) for name in names}

    def _read(self, name: str) -> np.ndarray:
        column, path = self.manifest.columns[name], self._path(name)
        self.require_undamaged(path)
        try:
            found = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise self.damaged(path, str(error)) from error
        if found.shape != (self.manifest.count, *column.shape) or found.dtype != column.on_disk:
            raise self.damaged(path, f"it holds {found.dtype} {list(found.shape)}")
        return found.astype(object) if column.is_text else found

    def _path(self, name: str) -> str:
        return os.path.join(self.folder, "numpy", f"{urllib.parse.quote(name, safe='')}.npy")


if TYPE_CHECKING:
    import pyarrow as pa

# Rows that are compressed together: many enough to be compressed well, few enough to wait in memory.
_ROWS_A_GROUP = 65536


class Parquet(CorpusFormat):
    """`corpus.parquet`: a row a message; what has several numbers in each row is a list of fixed length.

    What corpus.json says is in the table's metadata, too, under the key "tf_emcom", so that the file stands by itself.
    """

    library = "pyarrow"
    holds = r"corpus\.parquet"

    def begin(self) -> None:
        self.check()
        import pyarrow as pa
        import pyarrow.parquet as pq

        fields = [pa.field(name, _type(column), nullable=False) for name, column in self.manifest.columns.items()]
        self._schema = pa.schema(fields, {"tf_emcom": self.manifest._replace(complete=True).text()})
        self._writer = pq.ParquetWriter(self._path, self._schema)
        self._waiting: list[pa.RecordBatch] = []

    def append(self, columns: dict[str, np.ndarray]) -> None:
        import pyarrow as pa

        arrays = [_array(column, columns[name]) for name, column in self.manifest.columns.items()]
        self._waiting.append(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        if sum(map(len, self._waiting)) >= _ROWS_A_GROUP:
            self._write()

    def finish(self) -> None:
        self._write()
        self._writer.close()

    def close(self) -> None:
        if hasattr(self, "_writer"):
            import pyarrow as pa

            with contextlib.suppress(OSError, pa.ArrowException):
                self._writer.close()
            # Else pyarrow tries again when it forgets the writer, and prints what fails.
            self._writer.is_open = False

    def read(self, names: Sequence[str]) -> dict[str, np.ndarray]:
        self.check()
        self.require_undamaged(self._path)
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = {name: self.manifest.columns[name] for name in names}
        found = {name: np.empty((self.manifest.count, *c.shape), c.in_memory) for name, c in columns.items()}
        row = 0
        try:
            with pq.ParquetFile(self._path) as file:
                if file.metadata.num_rows != self.manifest.count:
                    raise self.damaged(self._path, f"it has {file.metadata.num_rows} rows")
                for batch in file.iter_batches(columns=list(names)):
                    for name, column in columns.items():
                        found[name][row : row + len(batch)] = _values(column, batch.column(name))
                    row += len(batch)
        except (OSError, KeyError, pa.ArrowException) as error:
            raise self.damaged(self._path, str(error)) from error
        return found

    def _write(self) -> None:
        import pyarrow as pa

        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting))
            self._waiting = []

    @property
    def _path(self) -> str:
        return os.path.join(self.folder, "corpus.parquet")


def _element(column: ColumnType) -> "pa.DataType":
    import pyarrow as pa

    texts = {"bytes": pa.binary(), "text": pa.string()}
    return texts[column.dtype] if column.is_text else pa.from_numpy_dtype(column.on_disk)


def _type(column: ColumnType) -> "pa.DataType":
    import pyarrow as pa

    found = _element(column)
    for size in reversed(column.shape):
        found = pa.list_(found, size)
    return found


def _array(column: ColumnType, values: np.ndarray) -> "pa.Array":
    """Values [B, ...] as nested lists of fixed length."""
    import pyarrow as pa

    found = pa.array(np.ravel(values), _element(column))
    for size in reversed(column.shape):
        found = pa.FixedSizeListArray.from_arrays(found, size)
    return found


def _values(column: ColumnType, found: "pa.Array") -> np.ndarray:
    """The values [B, ...] of nested lists."""
    rows = len(found)
    for _ in column.shape:
        found = found.flatten()
    return found.to_numpy(zero_copy_only=False).reshape(rows, *column.shape)
