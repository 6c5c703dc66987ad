"""Python processes that have imported TensorFlow and all of tf_emcom: starts of commands that cost no import.

    python tests/preloaded.py NAME ARGUMENT…

does what `python ARGUMENT…` does, with its streams, folder, environment and signals, in a process of its own, which a
server of that name forks. That takes a tenth of the four seconds of processor time which the imports need.
"""

import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import types

_FORWARDED = (signal.SIGINT, signal.SIGTERM)
# Kept, since the server ends when nobody holds its standard input.
_running: list[subprocess.Popen] = []
_LIBRARIES = ("matplotlib.backends.backend_agg", "tensorflow_datasets", "tensorflow_probability", "rapidfuzz", "jinja2")


@functools.cache
def python() -> tuple[str, ...]:
    """What begins a command instead of `python`; the server ends with this process."""
    if sys.platform != "linux":
        return (sys.executable,)
    name = f"tf_emcom-tests-{os.getpid()}"
    # Threads do not survive a fork, so no library may start some.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    server = subprocess.Popen([sys.executable, __file__, name], env=environment, **pipes)
    if server.stdout.readline() != b"ready\n":
        raise RuntimeError("The server of tests/preloaded.py did not start.")
    _running.append(server)
    return sys.executable, "-ISE", __file__, name


def _ask(name: str, arguments: list[str]) -> None:
    """Has the server do it, passes signals on, and ends as the other process does."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(f"\0{name}")
    for number in _FORWARDED:
        signal.signal(number, lambda number, _: connection.send(bytes([number])))
    request = json.dumps([arguments, os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(connection, [len(request).to_bytes(8, "big")], [0, 1, 2])
    connection.sendall(request)
    status = int.from_bytes(connection.recv(4), "big", signed=True)
    if status < 0:
        signal.signal(-status, signal.SIG_DFL) if -status != signal.SIGKILL else None
        os.kill(os.getpid(), -status)
    os._exit(status)


def _serve(name: str) -> None:
    """Forks a process for each request until standard input ends; in that process, it returns once it is set up."""
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    tf = importlib.import_module("tensorflow")
    for library in ("tf_emcom.cli", *_LIBRARIES):
        importlib.import_module(library)
    for module in pkgutil.walk_packages(importlib.import_module("tf_emcom").__path__, "tf_emcom."):
        importlib.import_module(module.name)
    # As in the process that runs the tests.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    if (threads := len(os.listdir("/proc/self/task"))) > 1:
        raise RuntimeError(f"The imports have started {threads - 1} threads, so that no process can be forked.")
    # Or else every process would look through all that was imported, and copy it.
    gc.collect()
    gc.freeze()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"\0{name}")
    listener.listen()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that mind a process
    os.write(1, b"ready\n")
    while listener in select.select([listener, 0], [], [])[0]:
        connection, _ = listener.accept()
        if not os.fork():
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _mind(connection)
            return
        connection.close()
    os._exit(0)


def _mind(connection: socket.socket) -> None:
    """Forks the process of a request and stays with it to its end; returns in that process, once it is set up."""
    length, streams, *_ = socket.recv_fds(connection, 8, 3)
    request = b""
    while len(request) < int.from_bytes(length, "big"):
        request += connection.recv(1 << 20)
    arguments, folder, environment = json.loads(request)
    if pid := os.fork():
        for stream in streams:
            os.close(stream)
        end = os.pidfd_open(pid)
        while end not in select.select([connection, end], [], [])[0]:
            asked = connection.recv(1)
            with contextlib.suppress(ProcessLookupError):
                # Nothing comes from one that was killed.
                os.kill(pid, asked[0] if asked else signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with contextlib.suppress(OSError):
            connection.send(status.to_bytes(4, "big", signed=True))
        os._exit(0)
    connection.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    sys.stdin = open(0, encoding=encoding, closefd=False)
    sys.stdout = open(1, "w", encoding=encoding, closefd=False)
    sys.stderr = open(2, "w", encoding=encoding, closefd=False, buffering=1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # With which some commands start themselves again.
    sys.orig_argv = [sys.executable, *arguments]
    sys.argv = arguments
    sys.path[:1] = ["", *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]


def _run() -> None:
    """What `python` does with its arguments: code after -c, a module after -m, or a file."""
    if sys.argv[0] == "-c":
        code = sys.argv.pop(1)
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(code, "<string>", "exec"), main.__dict__)
    elif sys.argv[0] == "-m":
        runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = os.path.dirname(os.path.abspath(sys.argv[0]))
        runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    if sys.argv[2:]:
        _ask(sys.argv[1], sys.argv[2:])
    _serve(sys.argv[1])
    _run()
