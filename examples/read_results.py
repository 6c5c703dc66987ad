"""Reads the folders of runs without tf_emcom: one table of all results, and the learning curves.

Needs: matplotlib, and runs that `tf-emcom train` and `tf-emcom evaluate` have written.
Costs: about a second.
Should show: a line for each result, also in OUT/results.csv; and the learning curves, in OUT/learning_curves.png.

    python examples/read_results.py runs/first runs/clear --out=results
"""

import argparse
import csv
import json
from pathlib import Path

from matplotlib.figure import Figure

CONDITIONS = ("split", "channel", "candidates", "noise", "input_noise", "erased", "task", "attributes", "meaning")
AGENTS = ("ensemble", "speaker", "other_speaker", "training_seed")
COLUMNS = ["run", "mode", "step", "measure", "value", "condition"]


def json_lines(path: Path) -> list[dict]:
    """The rows of a file. A line without an end is left out: the run writes it now, or was killed while it did."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def results(run: Path) -> list[tuple]:
    """COLUMNS of the last logged step of training, and of every result that is about all agents of the run."""
    logged = json_lines(run / "metrics.jsonl")[-1:]
    found = [(run, "train", row["step"], "accuracy", row["accuracy"], "") for row in logged]
    for path in sorted(run.glob("eval/*.jsonl")):
        for row in json_lines(path):
            value = next((name for name in ("accuracy", "topsim", "value") if name in row), None)
            if value is None or not row.get("whole"):  # Games, uses of single symbols, members of a population.
                continue
            condition = " ".join(f"{name}={row[name]}" for name in CONDITIONS + AGENTS if row.get(name) is not None)
            found.append((run, path.stem, row.get("step"), row.get("measure", value), row[value], condition))
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=Path("results"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    table, figure = [row for run in given.runs for row in results(run)], Figure(layout="constrained")
    with open(given.out / "results.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([COLUMNS, *table])
    for run, mode, step, measure, value, condition in table:
        number = "undefined" if value is None else f"{value:.4f}"
        print(f"{run!s:20} {mode:12} {step:>8} {measure:30} {number:>10}  {condition}".rstrip())
    axes = figure.subplots()
    axes.set(xlabel="step", ylabel="accuracy in training", ylim=(0, 1))
    for run in given.runs:
        rows = json_lines(run / "metrics.jsonl")
        axes.plot([row["step"] for row in rows], [row["accuracy"] for row in rows], label=str(run))
    axes.legend()
    figure.savefig(given.out / "learning_curves.png", dpi=150)
