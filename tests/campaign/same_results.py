"""Shows whether two checkouts compute the same to the bit on one machine; not part of the test suite.

$TF_EMCOM_VENV/bin/python tests/campaign/same_results.py record CHECKOUT OUT       runs every setting into OUT/<setting>
    … compare OUT_BEFORE OUT_AFTER      a line a setting; exits with 1 where something differs
    … old OUT CHECKOUT                  the run folders, exports and .keras files in OUT, with CHECKOUT's commands
A setting that is finished is not run again. Commands compute with one thread each, two settings at a time.
Where CHECKOUT names a component otherwise, --rename=OLD=NEW replaces its name in all bindings.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import same_files
from same_files import Verdict
from same_settings import SETTINGS, TEST_PARAMS, Setting

HERE = Path(__file__).resolve().parent
# Rounding depends on the number of threads.
THREADS = {name: "1" for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS")}
_DONE = "done.json"


class Commands:
    """Runs the commands of a checkout and keeps what they print in `folder`/printed."""

    def __init__(self, checkout: Path, folder: Path, renamed: dict[str, str]) -> None:
        self._checkout = checkout
        self._renamed = renamed
        self._printed = folder / "printed"
        self._printed.mkdir(parents=True, exist_ok=True)
        self._count = 0

    def run(self, command: str, *arguments: str, params: list[str] | tuple[str, ...] = ()) -> None:
        """Runs bin/<command>, or a script; RuntimeError where it fails."""
        script = command if command.endswith(".py") else str(self._checkout / "bin" / command)
        bindings = [f"--gin_param={self._own_name(param)}" for param in params]
        python = os.path.join(os.environ.get("TF_EMCOM_VENV", sys.prefix), "bin", "python")
        cache = {"PYTHONPYCACHEPREFIX": os.path.join(tempfile.gettempdir(), "same_results")}
        self._count += 1
        path = self._printed / f"{self._count}-{Path(command).stem}.txt"
        with path.open("w") as out, path.with_suffix(".err").open("w") as err:
            ended = subprocess.run(
                [python, script, *arguments, *bindings],
                cwd=self._checkout,
                env={**os.environ, **THREADS, **cache, "PYTHONPATH": str(self._checkout)},
                stdout=out,
                stderr=err,
            )
        if ended.returncode:
            last = path.with_suffix(".err").read_text().strip().splitlines()[-1:]
            raise RuntimeError(f"{command} ended with {ended.returncode}: {' '.join(last)} (more in {path})")

    def train(self, setting: Setting, run: Path, out: Path) -> None:
        files = [f"--gin_file={self._checkout}/gin/{name}.gin" for name in setting.files]
        self.run("train", *files, f"--workdir={run}", params=setting.train_params(str(out)))

    def evaluate(self, setting: Setting, run: Path) -> None:
        modes = [f"--mode={test}" for test in setting.tests]
        self.run("evaluate", f"--workdir={run}", *modes, params=setting.test_params())

    def evaluate_export(self, setting: Setting, export: Path, results: Path) -> None:
        test = setting.tests[0]
        named = f"--saved_model={export}", f"--workdir={results}", f"--mode={test}"
        self.run("evaluate", *named, params=TEST_PARAMS[test])

    def messages(self, setting: Setting, run: Path) -> None:
        self.run("messages", f"--workdir={run}", *setting.corpus)
        self.run("analyse", f"{run}/corpora/test")

    def agents(self, does: str, export: Path, folder: Path) -> None:
        self.run(str(HERE / "saved_agents.py"), does, str(export), str(folder))

    def _own_name(self, param: str) -> str:
        for old, new in self._renamed.items():
            param = param.replace(old, new)
        return param


def record(checkout: Path, out: Path, names: list[str], renamed: dict[str, str]) -> int:
    """Runs settings; returns how many failed."""
    names = list(dict.fromkeys([*filter(None, (SETTINGS[name].speaker for name in names)), *names]))
    rounds = [name for name in names if not SETTINGS[name].speaker], [name for name in names if SETTINGS[name].speaker]
    begin = time.monotonic()
    failed = sum(_in_pairs(lambda name: _record(checkout, out, name, renamed), each) for each in rounds)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    minutes = f"{(time.monotonic() - begin) / 60:.1f} min, {(used.ru_utime + used.ru_stime) / 60:.1f} min of processor"
    print(f"{len(names)} settings in {minutes}; {failed} failed")
    return failed


def _in_pairs(do: Callable[[str], str], names: list[str]) -> int:
    """Does something for two names at a time, prints a line each, and returns how many failed."""

    def line(name: str) -> bool:
        try:
            words = do(name)
        except RuntimeError as error:
            words = f"FAILED: {error}"
        # In one piece, since another thread may print, too.
        print(f"{name}: {words}\n", end="", flush=True)
        return words.startswith(("FAILED", "DIFFERENT"))

    with ThreadPoolExecutor(2) as pool:
        return sum(pool.map(line, names))


def _record(checkout: Path, out: Path, name: str, renamed: dict[str, str]) -> str:
    folder, setting = out / name, SETTINGS[name]
    if (folder / _DONE).exists():
        return "done already"
    shutil.rmtree(folder, ignore_errors=True)
    begin, run, commands = time.monotonic(), folder / "run", Commands(checkout, folder, renamed)
    commands.train(setting, run, out)
    if setting.tests:
        commands.evaluate(setting, run)
    if setting.corpus:
        commands.messages(setting, run)
        commands.run("export", f"--workdir={run}")
        commands.evaluate_export(setting, run / "export" / "saved_model", folder / "export_results")
    if setting.saved:
        commands.run("export", f"--workdir={run}", "--format=keras")
        commands.agents("save", run / "export" / "keras", folder / "agents")
    seconds = round(time.monotonic() - begin, 1)
    (folder / _DONE).write_text(json.dumps({"seconds": seconds, "checkout": str(checkout), "processor": _processor()}))
    return f"{seconds} s"


def compare(before: Path, after: Path, names: list[str], allow_more_rows: bool) -> int:
    """Compares settings; returns how many differ."""

    def words(name: str) -> str:
        lost = [str(out) for out in (before, after) if not (out / name / _DONE).exists()]
        if lost:
            return f"FAILED: not finished in {' and '.join(lost)}"
        verdict = same_files.compare(before / name, after / name, allow_more_rows)
        processors = {json.loads((out / name / _DONE).read_text())["processor"] for out in (before, after)}
        # Another processor rounds otherwise.
        note = (f"recorded on {' and '.join(sorted(processors))}",) if len(processors) > 1 else ()
        return str(verdict.plus(Verdict(notes=note)))

    return _in_pairs(words, names)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def old(out: Path, checkout: Path, names: list[str], renamed: dict[str, str], allow_more_rows: bool) -> int:
    """Uses copies of what lies in `out` with the commands of a checkout; returns how many settings differ."""
    with tempfile.TemporaryDirectory(prefix="same_results-") as work:

        def words(name: str) -> str:
            given = out, Path(work), name, Commands(checkout, Path(work) / name, renamed), allow_more_rows
            return str(_resumed(*given) if SETTINGS[name].whole else _used(*given))

        return _in_pairs(words, names)


def _resumed(out: Path, work: Path, name: str, commands: Commands, allow_more_rows: bool) -> Verdict:
    """A run that stopped half-way goes on to the end, and is compared with the one that never stopped."""
    whole = SETTINGS[name].whole
    shutil.copytree(out / name / "run", work / name / "run")
    commands.train(SETTINGS[whole], work / name / "run", out)
    only = "metrics|ease_of_learning|checkpoints"
    verdict = same_files.compare(out / whole, work / name, allow_more_rows, only)
    # A run that begins again at step 0 ends alike, but has another speed.
    speeds = {_first_speed(folder / name / "run") for folder in (out, work)}
    return verdict.plus(Verdict(differences=("it began again at step 0",))) if len(speeds) > 1 else verdict


def _first_speed(run: Path) -> float:
    return json.loads((run / "metrics.jsonl").read_text().splitlines()[0])["games_per_second"]


def _used(out: Path, work: Path, name: str, commands: Commands, allow_more_rows: bool) -> Verdict:
    """An old run is tested, its corpus is analysed, its export is tested, and its agents are loaded."""
    setting, folder, before = SETTINGS[name], work / name, out / name
    shutil.copytree(before / "run", folder / "run")
    for path in folder.glob("run/eval/test*.jsonl"):
        path.unlink()
    commands.evaluate(setting, folder / "run")
    if setting.corpus:
        (folder / "run/corpora/test/analysis.jsonl").unlink()
        commands.run("analyse", f"{folder}/run/corpora/test")
        old_analysis = same_files.compare(before, folder, allow_more_rows, "analysis")
        shutil.rmtree(folder / "run" / "corpora")
        commands.messages(setting, folder / "run")
        commands.evaluate_export(setting, folder / "run" / "export" / "saved_model", folder / "export_results")
    if setting.saved:
        shutil.copytree(before / "agents", folder / "agents")
        commands.agents("load", folder / "run" / "export" / "keras", folder / "agents")
        shutil.move(folder / "agents" / "loaded.npz", folder / "agents" / "outputs.npz")
    found = same_files.compare(before, folder, allow_more_rows, "eval/|corpora|outputs")
    return found.plus(old_analysis) if setting.corpus else found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("does", choices=("record", "compare", "old"))
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--settings", default=",".join(SETTINGS), help="names with commas between them")
    parser.add_argument("--allow_more_rows", action="store_true", help="added rows are no difference")
    parser.add_argument("--rename", action="append", default=[], metavar="OLD=NEW", help="may be repeated")
    given = parser.parse_args()
    names = given.settings.split(",")
    if unknown := [name for name in names if name not in SETTINGS]:
        parser.error(f"there is no setting {', '.join(unknown)}; there are {', '.join(SETTINGS)}")
    renamed = dict(text.split("=", 1) for text in given.rename)
    first, second = given.first.resolve(), given.second.resolve()
    if given.does == "record":
        failed = record(first, second, names, renamed)
    elif given.does == "compare":
        failed = compare(first, second, names, given.allow_more_rows)
    else:
        failed = old(first, second, names, renamed, given.allow_more_rows)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
