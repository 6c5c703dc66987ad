"""The section about configurations."""

from collections.abc import Iterator, Sequence

from tf_emcom.reports.blocks import Cell, Code, Table, Text
from tf_emcom.reports.run import Run
from tf_emcom.reports.section import Section

_MOST_ROWS = 40  # of a table that is not folded away


class Configuration(Section):
    """The operative config.gin of every run, and in what they differ."""

    title = "Configuration"
    place = 20
    explanation = "The settings of the run; bin/train --gin_file=RUN/config.gin repeats it."

    def blocks(self, runs: Sequence[Run]) -> Iterator[object]:
        """A table of macros, one of the other bindings that differ, and the texts."""
        names = dict.fromkeys(name for run in runs for name in run.bindings)
        macros = sorted(name for name in names if "." not in name)
        differing = [number for number, name in enumerate(macros) if _differs(name, runs)]
        heads = ["setting", *(run.name for run in runs)]
        marked = " Those that differ stand out." if len(runs) > 1 else ""
        yield Table(f"Macros of the configuration.{marked}", heads, _rows(macros, runs), differing=differing)
        others = sorted(name for name in names if "." in name and _differs(name, runs))
        if others:
            folded = f"{len(others)} other bindings that differ" if len(others) > _MOST_ROWS else ""
            yield Table("All other bindings that differ.", ["binding", *heads[1:]], _rows(others, runs), summary=folded)
        elif len(runs) > 1:
            yield Text("All other bindings are the same.")
        for run in runs:
            yield Code(f"config.gin of {run.name}", run.config)


def _differs(name: str, runs: Sequence[Run]) -> bool:
    return len({run.bindings.get(name) for run in runs}) > 1


def _rows(names: Sequence[str], runs: Sequence[Run]) -> list[list[Cell]]:
    return [[Cell(name), *(Cell(run.bindings.get(name, "not bound")) for run in runs)] for name in names]
