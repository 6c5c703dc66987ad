"""A corpus as a table of Apache Parquet."""

import contextlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tf_emcom.corpora.column_type import ColumnType
from tf_emcom.corpora.formats.corpus_format import CorpusFormat

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
        """Makes the file."""
        self.check()
        import pyarrow as pa
        import pyarrow.parquet as pq

        fields = [pa.field(name, _type(column), nullable=False) for name, column in self.manifest.columns.items()]
        self._schema = pa.schema(fields, {"tf_emcom": self.manifest._replace(complete=True).text()})
        self._writer = pq.ParquetWriter(self._path, self._schema)
        self._waiting: list[pa.RecordBatch] = []

    def append(self, columns: dict[str, np.ndarray]) -> None:
        """Adds rows to the group that waits, and writes it where it is full."""
        import pyarrow as pa

        arrays = [_array(column, columns[name]) for name, column in self.manifest.columns.items()]
        self._waiting.append(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        if sum(map(len, self._waiting)) >= _ROWS_A_GROUP:
            self._write()

    def finish(self) -> None:
        """Writes what waits, and the table of contents without which nobody reads the file."""
        self._write()
        self._writer.close()

    def close(self) -> None:
        """Closes the file, which nobody can read then."""
        if hasattr(self, "_writer"):
            import pyarrow as pa

            with contextlib.suppress(OSError, pa.ArrowException):
                self._writer.close()
            # Else pyarrow tries again when it forgets the writer, and prints what fails.
            self._writer.is_open = False

    def read(self, names: Sequence[str]) -> dict[str, np.ndarray]:
        """The columns, decoded group by group."""
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
