"""The report of a run of `bin/benchmark`: the machine and the tables, as text, as JSON and beside an older report."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow.python.util import _pywrap_util_port

from tf_emcom.errors import UserError
from tf_emcom.evaluation.results import text_table
from tf_emcom.runtime.run_folder import write_json

# The processor's features that decide how fast it multiplies matrices.
_FLAGS = ("avx", "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile", "amx_bf16")
# With a load average above this, other processes lengthen the times.
_BUSY = 0.3


class Table(NamedTuple):
    """One table of a report.

    Attributes:
      title: what it is about.
      labels: the columns that identify a row.
      numbers: the other columns ↦ what each number is, in a few words.
      rows: column ↦ value; None where there is no such number.
      compared: the numbers that are compared with older ones.
    """

    title: str
    labels: tuple[str, ...]
    numbers: dict[str, str]
    rows: list[dict[str, Any]]
    compared: tuple[str, ...]

    def text(self) -> str:
        """Title, header, one line for each row, and what each number is."""
        columns = [*self.labels, *self.numbers]
        cells = ([_cell(row.get(column)) for column in columns] for row in self.rows)
        lines = text_table(columns, cells, left=self.labels).splitlines()
        lines.insert(1, "-" * max(map(len, lines)))
        notes = [f"  {name}: {about}" for name, about in self.numbers.items() if about]
        return "\n".join([self.title, "", *lines, "", *notes])

    def beside(self, older: Sequence[Mapping[str, Any]]) -> "Table":
        """This table with two columns after each compared number: the older number of the same labels, and new / old.

        Args:
          older: the rows of an older table; rows that this table does not have are left out.
        """
        known = {self._key(row): row for row in older}
        numbers: dict[str, str] = {}
        for name, about in self.numbers.items():
            numbers[name] = about
            if name in self.compared:
                numbers |= {f"{name}, before": "", f"{name}, ratio": ""}
        rows = []
        for row in self.rows:
            before = known.get(self._key(row), {})
            added = {}
            for name in self.compared:
                old, new = before.get(name), row.get(name)
                added[f"{name}, before"] = old
                added[f"{name}, ratio"] = new / old if _is_number(new) and _is_number(old) and old else None
            rows.append({**row, **added})
        return self._replace(numbers=numbers, rows=rows)

    def _key(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(str(row.get(label)) for label in self.labels)


class Report(NamedTuple):
    """Tables, and the machine and the bindings that they were measured with."""

    machine: dict[str, Any]
    bindings: Sequence[str]
    tables: list[Table]

    def text(self) -> str:
        """All of it."""
        bindings = f"\nBindings: {', '.join(self.bindings)}" if self.bindings else ""
        return "\n\n\n".join([machine_text(self.machine) + bindings, *(table.text() for table in self.tables)])

    def beside(self, older: dict[str, Any], path: str) -> str:
        """The text, with the numbers of an older report in it.

        Args:
          older: as `read` returns it.
          path: the older report's file, for the text.
        """
        rows = {table["title"]: table["rows"] for table in older["tables"]}
        tables = [table.beside(rows[table.title]) if table.title in rows else table for table in self.tables]
        notes = [f"Compared with {path}; a ratio is now / before."]
        differing = [
            f"{name} {older['machine'].get(name)!r} and now {value!r}"
            for name, value in self.machine.items()
            if name != "load" and older["machine"].get(name) != value
        ]
        if list(self.bindings) != older["bindings"]:
            differing.append(f"bindings {older['bindings']} and now {list(self.bindings)}")
        if differing:
            notes.append(f"It was measured under other conditions: {'; '.join(differing)}.")
        return "\n\n\n".join([self._replace(tables=tables).text(), "\n".join(notes)])

    def write(self, path: str) -> None:
        """Writes JSON with `machine`, `bindings` and `tables`, each with `title`, `labels`, `numbers` and `rows`.

        Raises:
          UserError: the file cannot be written.
        """
        tables = [table._asdict() for table in self.tables]
        for table in tables:
            del table["compared"]
        write_json(path, {"machine": self.machine, "bindings": list(self.bindings), "tables": tables})


def read(path: str) -> dict[str, Any]:
    """Reads what `Report.write` wrote.

    Raises:
      UserError: there is no such file, or it is no report.
    """
    try:
        with open(path) as file:
            content = json.load(file)
    except OSError as error:
        raise UserError(
            f"--compare is {path}, which cannot be read ({error.strerror}); name a file that --json wrote."
        ) from error
    except ValueError as error:
        raise UserError(f"--compare is {path}, which is no JSON; name a file that --json wrote.") from error
    if not isinstance(content, dict) or not {"machine", "bindings", "tables"} <= set(content):
        raise UserError(f"--compare is {path}, which is no report of this command; name a file that --json wrote.")
    return content


def merged(tables: Sequence[Table]) -> list[Table]:
    """Joins tables with the same title, one below the other, in the order of the first of each title."""
    found: dict[str, Table] = {}
    for table in tables:
        before = found.get(table.title)
        found[table.title] = table if before is None else before._replace(rows=[*before.rows, *table.rows])
    return list(found.values())


def describe_machine(load: float) -> dict[str, Any]:
    """What two reports must have in common for their times to be comparable.

    Args:
      load: the load average of the last minute before anything was measured.
    """
    information = _cpu_information()
    known = set(information.get("flags", "").split())
    return {
        "processor": information.get("model name", platform.processor() or platform.machine()),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "flags": " ".join(flag for flag in _FLAGS if flag in known),
        "gpus": [
            tf.config.experimental.get_device_details(device).get("device_name", device.name)
            for device in tf.config.list_physical_devices("GPU")
        ],
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "onednn": bool(_pywrap_util_port.IsMklEnabled()),
        "load": round(load, 2),
    }


def machine_text(machine: dict[str, Any]) -> str:
    """The description as lines of text, with a warning if other processes were using the machine."""
    vectors, onednn = machine["flags"] or "vector units unknown", "on" if machine["onednn"] else "off"
    lines = [
        f"Processor: {machine['processor']}, {machine['cores']} cores; {vectors}",
        f"GPU: {', '.join(machine['gpus']) or 'none'}",
        f"Python {machine['python']}, TensorFlow {machine['tensorflow']}, oneDNN {onednn}",
        f"Load average before the run: {machine['load']:.2f}",
    ]
    if machine["load"] > _BUSY:
        lines.append(
            "WARNING: the machine was not idle, so times are too long and shares of the peak uncertain; wait until the"
            f" load average is below {_BUSY}."
        )
    return "\n".join(lines)


def load_average() -> float:
    """How many processes wanted to run in the last minute, on average; 0 where the system does not report it."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def _cpu_information() -> dict[str, str]:
    """Linux's description of the first core."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().split("\n\n")[0].splitlines() if path.exists() else []
    pairs = (line.partition(":") for line in lines)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _cell(value: Any) -> str:
    if value is None or value != value:
        return "-"
    if not isinstance(value, float):
        return f"{value:,}" if _is_number(value) else str(value)
    size = abs(value)
    return f"{value:,.0f}" if size >= 1000 else f"{value:.1f}" if size >= 100 else f"{value:.3g}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
