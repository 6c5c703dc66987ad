"""Runs commands of a checkout in forked children, with file operations that fail or kill.

The process that forks has imported TensorFlow and all of the package, but has run nothing, so that it has one thread
and a child starts within milliseconds. `fault.c` is loaded before it (`LD_PRELOAD`) and is armed in the child alone.
Children run `tf.function`s eagerly, since tracing would take most of the time; exports are traced as ever.
"""

import atexit
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import resource
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
# Kinds of file operations, and what may happen at the n-th of the wanted kinds; as in fault.c.
SPACE, CHANGE, READ, LOCK = 1, 2, 4, 8
COUNT, KILL, TORN, FAIL, FAIL_ON = range(5)
_IMPORTED = (
    *("sklearn.datasets", "matplotlib.pyplot", "matplotlib.backends.backend_agg", "tensorflow_datasets", "jinja2"),
    *("scipy.stats", "rapidfuzz", "PIL.Image", "h5py", "tensorboard"),
)
# A child that takes more processor or memory than any case needs is stopped.
_MEMORY = 6 * 2**30
_SECONDS = 90
_IDLE = 60.0


class State(ctypes.Structure):
    """What fault.c shares with whoever waits for the child."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in ("count", "n")),
        *((name, ctypes.c_int32) for name in ("mode", "error", "kinds", "fired")),
        *(("operation", ctypes.c_char * 32), ("path", ctypes.c_char * 1024), ("prefix", ctypes.c_char * 1024)),
    ]


class Fault(NamedTuple):
    """At the n-th operation of these kinds: what, and with which errno."""

    mode: int
    n: int = 0
    kinds: int = SPACE | CHANGE
    error: int = 0


class Ended(NamedTuple):
    """How a command ended."""

    status: int | None  # None: it had to be stopped; below 0: by a signal
    stdout: str
    stderr: str
    seconds: float  # of processor
    count: int  # how many operations of the kinds there were
    fired: str  # the operation and the path at which the fault came; empty: it did not come
    operations: list[tuple[int, str, str]]  # kind, name, path of all, where they were listed
    result: Any  # what was asked for after a command that ended well


def preload() -> None:
    """Starts this program again with fault.c in front of libc, unless it is there already."""
    if "CAMPAIGN_LIBRARY" in os.environ:
        os.environ.pop("LD_PRELOAD")
        return
    library = os.path.join(tempfile.mkdtemp(prefix="campaign-"), "fault.so")
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, str(HERE / "fault.c"), "-ldl"], check=True)
    fixed = {"LD_PRELOAD": library, "CAMPAIGN_LIBRARY": library, "PYTHONHASHSEED": "0", "MPLBACKEND": "agg"}
    fixed |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "OMP_NUM_THREADS": "1"}
    fixed |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **fixed})


def import_all(checkout: Path) -> None:
    """Imports everything that commands need, from the checkout; RuntimeError where that starts a thread."""
    sys.path.insert(0, str(checkout))
    for name in ("tensorflow", "tf_emcom.cli", *_IMPORTED):
        importlib.import_module(name)
    package = importlib.import_module("tf_emcom")
    for module in pkgutil.walk_packages(package.__path__, "tf_emcom."):
        importlib.import_module(module.name)
    importlib.import_module("tf_emcom.runtime.catalogue").register_components()
    if not Path(package.__file__).is_relative_to(checkout):
        raise RuntimeError(f"tf_emcom comes from {package.__file__} and not from {checkout}.")
    if (threads := len(os.listdir("/proc/self/task"))) > 1:
        raise RuntimeError(f"The imports have started {threads - 1} threads, so that children cannot be forked.")
    # Or else every child would look through all that was imported, and copy it.
    gc.collect()
    gc.freeze()


class Worker:
    """Runs commands one after the other, each in a child of its own, below a folder of its own."""

    def __init__(self, checkout: Path, folder: Path, timeout: float = 600) -> None:
        self.checkout, self.folder, self.timeout = checkout, folder, timeout
        self.case = folder / "case"  # always the same path, since configurations hold it
        folder.mkdir(parents=True, exist_ok=True)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])  # it is waited for
        self._library = ctypes.CDLL(os.environ["CAMPAIGN_LIBRARY"])

    def run(
        self,
        command: list[str] | Callable[[], Any],
        fault: Fault | None = None,
        listed: bool = False,
        then: Callable[[], Any] | None = None,
        eager: bool = True,
    ) -> Ended:
        """Runs `bin/<command>` or a function; `then` says in the same child what a run that ended well has made."""
        paths = {name: self.folder / name for name in ("stdout", "stderr", "state", "operations", "result")}
        for path in paths.values():
            path.unlink(missing_ok=True)
        fault = fault or Fault(COUNT)
        state = State(n=fault.n, mode=fault.mode, error=fault.error, kinds=fault.kinds, prefix=bytes(self.case))
        paths["state"].write_bytes(bytes(state))
        begin = time.monotonic()
        sys.stdout.flush()
        child = os.fork()
        if not child:
            self._become(command, paths, listed, then, eager)
        status, seconds = self._wait(child, begin + self.timeout)
        state = State.from_buffer_copy(paths["state"].read_bytes())
        fired = f"{state.operation.decode()} {state.path.decode(errors='replace')}" if state.fired else ""
        lines = paths["operations"].read_text(errors="replace").splitlines() if listed else []
        return Ended(
            status,
            *(paths[name].read_text(errors="replace") for name in ("stdout", "stderr")),
            seconds,
            state.count,
            fired.replace(str(self.case) + "/", ""),
            [(int(kind), name, path) for kind, name, path in (line.split(" ", 2) for line in lines)],
            json.loads(paths["result"].read_text()) if paths["result"].exists() else None,
        )

    def _wait(self, child: int, until: float) -> tuple[int | None, float]:
        status, worked, since = None, "", time.monotonic()
        while time.monotonic() < until and time.monotonic() - since < _IDLE:
            ended, how, used = os.wait4(child, os.WNOHANG)
            if ended:
                status = os.waitstatus_to_exitcode(how)
                break
            if (work := _work(child)) != worked:
                worked, since = work, time.monotonic()
            signal.sigtimedwait([signal.SIGCHLD], 1.0)
        try:
            os.killpg(child, signal.SIGKILL)  # also what it has started
        except ProcessLookupError:
            pass
        if status is None:
            used = os.wait4(child, 0)[2]
        return status, used.ru_utime + used.ru_stime

    def _become(self, command: Any, paths: dict[str, Path], listed: bool, then: Any, eager: bool) -> None:
        """What the child does; it never returns."""
        status = 70
        try:
            os.setsid()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
            for descriptor, name in enumerate(("stdout", "stderr"), start=1):
                os.dup2(os.open(paths[name], os.O_CREAT | os.O_WRONLY | os.O_APPEND), descriptor)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
            resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            subprocess.Popen = Forked
            trace = os.open(paths["operations"], os.O_CREAT | os.O_WRONLY | os.O_APPEND) if listed else 0
            self._library.campaign_arm(bytes(paths["state"]), trace)
            status = run_command(self.checkout, command, eager)
            self._library.campaign_disarm()
            if then and status == 0:
                paths["result"].write_text(json.dumps(then()))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def begin(self, start: Path | None) -> None:
        """Replaces the case's folder by a copy of what a command starts from."""
        shutil.rmtree(self.case, ignore_errors=True)
        if start is None:
            self.case.mkdir()
        else:
            shutil.copytree(start, self.case, symlinks=True)


def _work(child: int) -> str:
    """Processor time that a process and its own children have taken; the same again: all of them wait."""
    found = []
    for path in Path(f"/proc/{child}/task").glob("*/children"):
        for pid in [child, *map(int, path.read_text().split())]:
            try:
                found.append(" ".join(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
            except FileNotFoundError:
                found.append("ended")
    return ", ".join(found)


def run_command(checkout: Path, command: list[str] | Callable[[], Any], eager: bool) -> int:
    """Runs a command of the checkout as its own interpreter would, and returns its status."""
    import tensorflow as tf

    warnings.filterwarnings("ignore", message="Even though the `tf.config.experimental_run")
    tf.config.run_functions_eagerly(eager)
    os.chdir(checkout)
    try:
        if callable(command):
            command()
        else:
            sys.argv = [f"bin/{command[0]}", *command[1:]]
            runpy.run_path(str(checkout / "bin" / command[0]), run_name="__main__")
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        status = 1
    atexit._run_exitfuncs()
    return status


class Forked:
    """Stands for `subprocess.Popen` where a command starts another one of bin/: a fork in place of a new Python."""

    def __init__(
        self, args: list[str], cwd: str, env: dict[str, str], stdout: Any, stderr: int, pass_fds: Any = ()
    ) -> None:
        self.args, self.returncode = args, None
        self.pid = os.fork()
        if not self.pid:
            from absl import flags

            status = 70
            try:
                os.environ.clear()
                os.environ.update(env)
                os.dup2(stdout.fileno(), 1)
                os.dup2(1, 2)
                command = Path(args[1])
                # The flags of the command that starts this one.
                for module, found in list(flags.FLAGS.flags_by_module_dict().items()):
                    for flag in list(found) if "bin/" in module else ():
                        delattr(flags.FLAGS, flag.name)
                status = run_command(command.parents[1], [command.name, *args[2:]], True)
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)

    def wait(self) -> int:
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode

    def terminate(self) -> None:
        os.kill(self.pid, signal.SIGTERM)
