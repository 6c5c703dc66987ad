"""What the runs of a grid were: their steps, their split and their settings."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tf_emcom.errors import UserError
from tf_emcom.evaluation.results import markdown_table
from tf_emcom.runtime import config_diff
from tf_emcom.runtime.evaluation_rows import grouped
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.tools.reproduce.grid import Cell

Row = dict[str, Any]

# Macros that are other ones in every run, that results say, or that say nothing about a run.
_LEFT_OUT = ("seed", "seeds", "mode", "checkpoint")


def settings_markdown(runs: str, cells: Sequence[Cell], rows: Sequence[Row], label: str) -> str:
    """What the runs of one kind were; `label` is "game" or "task", by which runs with different seeds belong together.

    Seeds, steps and split are those of the `rows` of results; the settings are the macros of config.gin, of the first
    run that has one.

    Raises:
      UserError: a config.gin is damaged.
    """
    found = {}
    lines = [f"Runs by {label}, and the arguments of `tf-emcom train`, without seeds:", ""]
    for (name,), same in grouped([label], [{label: cell.labels[label], "cell": cell} for cell in cells]).items():
        of_name = [row for row in rows if str(row[label]).removesuffix(", vote") == name]
        found[name] = {**_of_results(of_name), **_macros(runs, [each["cell"] for each in same])}
        lines.append(f"- {name}: `{' '.join(same[0]['cell'].arguments)}`")
    settings = dict.fromkeys(key for each in found.values() for key in each)
    shared = {key: values[0] for key in settings if len(set(values := [each.get(key) for each in found.values()])) == 1}
    lines += ["", f"The same in all of them: {_listed(shared)}."] if shared else []
    differing = [key for key in settings if key not in shared]
    if differing:
        table = [[name, *(each.get(key, "") for key in differing)] for name, each in found.items()]
        lines += ["", markdown_table([label, *differing], table)]
    return "\n".join(lines) + "\n"


def _of_results(rows: Sequence[Row]) -> dict[str, str]:
    found = {"seeds": "seed", "tested at step": "step", "tested on split": "split"}
    values = {name: sorted({row[key] for row in rows if row.get(key) is not None}) for name, key in found.items()}
    return {name: ", ".join(map(str, each)) for name, each in values.items() if each}


def _macros(runs: str, cells: Sequence[Cell]) -> dict[str, str]:
    """The macros of the first config.gin that there is, by name; empty without one."""
    config = next((path for cell in cells if (path := Path(runs) / cell.name / "config.gin").is_file()), None)
    if config is None:
        return {}
    try:
        values = config_diff.values(RunFolder(str(config.parent)).require_config(), "stored")
    except UserError as error:
        raise UserError(f"{config} cannot be understood: {error}") from error
    kept = {name: value for name, value in values.items() if "." not in name and name not in _LEFT_OUT}
    # Of a macro that is another one, its value; of no value nothing.
    meant = {name: values.get(value.removeprefix("%"), value) for name, value in kept.items()}
    return {name: value.strip("'\"") for name, value in meant.items() if value != "None"}


def _listed(settings: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())
