"""Attacks the commands and counts how they end; not part of the test suite, since it takes an hour.

.venv/bin/python tests/campaign/run.py kills|faults|damage|fuzz|soak [--checkout=PATH] [--out=table.json]
    [--jobs=2] [--only=PHASE] [--budget=N]
"""

import argparse
import collections
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import damage
import fuzz
import kills
import processes
import soak

ATTACKS = {"kills": kills.cases, "faults": kills.cases, "damage": damage.cases, "fuzz": fuzz.cases}
BUDGETS = {"kills": 640, "faults": 480, "damage": 1050, "fuzz": 3100, "soak": 30}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=BUDGETS)
    parser.add_argument("--checkout", type=Path, default=processes.HERE.parents[1], help="whose code is attacked")
    parser.add_argument("--out", type=Path, help="where the cases go, as JSON")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--only", default="", help="one phase alone")
    parser.add_argument("--budget", type=int, help="how many cases; of soak: how many minutes")
    given = parser.parse_args()
    budget = given.budget or BUDGETS[given.kind]
    checkout = given.checkout.resolve()
    if given.kind == "soak":
        found = soak.soak(checkout, budget)
        print(soak.table_of(found))
    else:
        processes.preload()
        begin = time.monotonic()
        processes.import_all(checkout)
        rows = attack(given.kind, checkout, budget, given.jobs, given.only)
        seconds = time.monotonic() - begin
        print(table(rows))
        each = sum(row.get("seconds", 0) for row in rows) / max(1, len(rows))
        print(failures(rows))
        print(f"\n{len(rows)} cases in {seconds / 60:.1f} min; a case took {each:.1f} s of processor.")
        found = {"kind": given.kind, "seconds": round(seconds), "cases": rows}
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(found, indent=1))


def attack(kind: str, checkout: Path, budget: int, jobs: int, only: str) -> list[dict]:
    """Lets `jobs` forked workers share the cases; returns those that are done, also where it is interrupted."""
    folder = Path(tempfile.mkdtemp(prefix=f"campaign-{kind}-"))
    children = []
    for number in range(jobs):
        child = os.fork()
        if not child:
            work(kind, checkout, folder / f"w{number}", budget, (number, jobs), only)
        children.append(child)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        failed = [child for child in children if os.waitpid(child, 0)[1]]
    except KeyboardInterrupt:
        failed = children
        for child in children:
            os.kill(child, signal.SIGKILL)
    rows = [json.loads(line) for path in sorted(folder.glob("w*/rows")) for line in path.read_text().splitlines()]
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(Path(os.environ["CAMPAIGN_LIBRARY"]).parent)
    if failed:
        print(f"{len(failed)} workers have not finished; their cases are not complete.", file=sys.stderr)
    return rows


def work(kind: str, checkout: Path, folder: Path, budget: int, share: tuple[int, int], only: str) -> None:
    """Writes a line a case; never returns."""
    status = 1
    try:
        worker = processes.Worker(checkout, folder)
        cases = ATTACKS[kind](worker, kind, budget, only)
        # So that what is there early says something of every phase.
        random.Random(0).shuffle(cases)
        cases = cases[share[0] :: share[1]]
        print(f"{len(cases)} cases are listed in {folder}/rows.", flush=True)
        with (folder / "rows").open("a") as rows:
            for case in cases:
                print(json.dumps(case()), file=rows, flush=True)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def table(rows: list[dict]) -> str:
    """Phase × outcome, as Markdown."""
    counts = collections.Counter((row["phase"], row["outcome"]) for row in rows)
    outcomes = [name for name, _ in collections.Counter(row["outcome"] for row in rows).most_common()]
    lines = ["| phase | cases | " + " | ".join(outcomes) + " |", "|---" * (len(outcomes) + 2) + "|"]
    for phase in [*dict.fromkeys(row["phase"] for row in rows), None]:
        numbers = [sum(n for (p, o), n in counts.items() if phase in (p, None) and o == name) for name in outcomes]
        lines.append(f"| {phase or 'all'} | {sum(numbers)} | " + " | ".join(map(str, numbers)) + " |")
    return "\n".join(lines)


# What is as it should be: after a kill or a fault everything is as if nothing had been; a sentence names what is wrong.
GOOD = re.compile(r"(killed|sentence|ok), same|not reached|same|sentence(, file named)?|other number, file named|runs")


def failures(rows: list[dict], most: int = 40) -> str:
    """The most frequent kinds of cases that are not as they should be, each with one of them."""
    kinds: dict[tuple[str, str, str], list[dict]] = {}
    for row in rows:
        if not GOOD.fullmatch(row["outcome"]):
            said = (
                row["stderr"] if "traceback" in row["outcome"].split(",")[0] else row.get("files") or row.get("again")
            )
            last = (said or row["stderr"] or "").splitlines()[-1:] or [""]
            like = re.sub(r"/tmp/\S+|\b0x[0-9a-f]+|[0-9a-f]{16,}|[0-9]+", "…", last[0])[:200]
            kinds.setdefault((row["phase"], row["outcome"], like), []).append(row)
    lines = ["", "| cases | phase | outcome | last line | for example |", "|---|---|---|---|---|"]
    for (phase, outcome, like), found in sorted(kinds.items(), key=lambda each: -len(each[1]))[:most]:
        example = f"{found[0]['what']} {found[0]['at']} {found[0].get('files', '')}"
        cells = (str(len(found)), phase, outcome, like, example[:200])
        lines.append("| " + " | ".join(cell.replace("|", "¦").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
