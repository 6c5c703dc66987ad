"""What a run of bin/benchmark found, as text and as JSON."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from tf_emcom.benchmarks import machine as machines
from tf_emcom.benchmarks.table import Table
from tf_emcom.errors import UserError
from tf_emcom.runtime.run_folder import write_json


class Report(NamedTuple):
    """Tables, and what they were measured on and with."""

    machine: dict[str, Any]
    bindings: Sequence[str]
    tables: list[Table]

    def text(self) -> str:
        """All of it."""
        bound = f"\nBindings: {', '.join(self.bindings)}" if self.bindings else ""
        return "\n\n\n".join([machines.told(self.machine) + bound, *(table.text() for table in self.tables)])

    def beside(self, older: dict[str, Any], path: str) -> str:
        """The text, with older numbers in it.

        Args:
          older: as `read` returns it.
          path: of its file, to be named.
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
        tables = [
            {"title": table.title, "labels": table.labels, "numbers": table.numbers, "rows": table.rows}
            for table in self.tables
        ]
        content = {"machine": self.machine, "bindings": list(self.bindings), "tables": tables}
        write_json(path, content)


def read(path: str) -> dict[str, Any]:
    """What `Report.write` wrote.

    Raises:
      UserError: there is no such file, or it holds something else.
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
