"""Starts a command in the environment that has its libraries."""

import gc
import importlib.util
import io
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

_NEEDED = (
    *("absl", "docstring_parser", "gin", "jinja2", "matplotlib", "rapidfuzz", "rich", "scipy", "tensorflow"),
    *("tensorflow_datasets", "tensorflow_probability", "tf_keras", "tqdm"),
)

# Lines of TensorFlow's log about itself, as in "I0000 00:00:1796077771.331490 15486 port.cc:153] oneDNN …".
_INFORMATION = re.compile(r"[IW]\d{4} |WARNING: All log messages before absl::InitializeLog|\d{4}-.*: [IW] tensorflow/")


class _LastingStream(io.FileIO):
    """Writes to a file descriptor; to nowhere as soon as its reader is gone or its disk is full."""

    def write(self, content: Any, /) -> int:
        try:
            return os.write(self.fileno(), content)
        except OSError:
            # Also for libraries that write to the descriptor themselves.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return len(content)


def keep_streams() -> None:
    """From now on, the process does not end where its output cannot be written: a run is worth more than its output.

    Closed standard streams are opened too: else the first files that are opened would get their descriptors, and the
    output of libraries.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest free descriptor is this one.
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or open(0, encoding="utf-8")
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        given = getattr(sys, name)
        lasting = io.BufferedWriter(_LastingStream(descriptor, "w", closefd=False))
        encoding = given.encoding if given else "utf-8"
        # `python -u` passes on every write; here every line is enough.
        line_buffering = not given or given.line_buffering or given.write_through
        stream = io.TextIOWrapper(lasting, encoding, "replace", line_buffering=line_buffering)
        if given:
            # Kept: when it is deleted, it closes the descriptor.
            stream.given = given  # type: ignore[attr-defined]  # nothing reads it
        setattr(sys, name, stream)


def import_tensorflow() -> None:
    """Imports TensorFlow without its information about itself, which no setting keeps off standard error.

    The garbage collector would look through the million objects that this makes again and again, then and later, which
    takes a quarter of the import's time and a tenth of that of tracing a step; none of them is garbage.
    """
    gc.disable()
    sys.stderr.flush()
    kept, written = os.dup(2), tempfile.TemporaryFile()
    os.dup2(written.fileno(), 2)
    try:
        importlib.import_module("tensorflow")
    finally:
        gc.freeze()
        gc.enable()
        os.dup2(kept, 2)
        os.close(kept)
        written.seek(0)
        for line in written.read().decode(errors="replace").splitlines():
            if not _INFORMATION.match(line):
                print(line, file=sys.stderr)


def find_libraries() -> None:
    """Continues in the environment that `bin/quickstart` or `bin/test` made, if this Python lacks a library.

    Exits with status 2 and one sentence if there is no such environment. It also sets what a user's environment may set
    for other programs: TensorFlow prints no information about itself and uses oneDNN, Keras computes with TensorFlow,
    matplotlib draws without a screen, and characters that the output cannot encode are printed as question marks.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    # A notebook's backend need not be installed where the commands run.
    os.environ["MPLBACKEND"] = "agg"
    keep_streams()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # TensorFlow does not use oneDNN on processors without AVX-512; measured there, a step was twice as fast with it at
    # 16 games, a third faster at 64, an eighth at 1,024.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if not missing:
        return
    root = Path(__file__).resolve().parents[2]
    environment = Path(os.environ.get("TF_EMCOM_VENV", root / ".venv"))
    python = environment / "bin" / "python"
    # Its Python is a link to another one, so the folders are compared.
    if python.exists() and environment.resolve() != Path(sys.prefix).resolve():
        os.execv(python, [str(python), *sys.orig_argv[1:]])
    print(
        f"Error: {sys.executable} lacks {', '.join(missing)}; install tf_emcom as README.md says, or run"
        " bin/quickstart, which makes an environment that this command then uses.",
        file=sys.stderr,
    )
    sys.exit(2)
