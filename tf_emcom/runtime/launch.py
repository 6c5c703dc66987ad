"""Starting a command where its libraries are."""

import importlib.util
import io
import os
import sys
from pathlib import Path

_NEEDED = (
    "absl",
    "gin",
    "matplotlib",
    "rapidfuzz",
    "scipy",
    "sklearn",
    "tensorflow",
    "tensorflow_datasets",
    "tensorflow_probability",
    "tf_keras",
    "tqdm",
)


class _LastingStream(io.RawIOBase):
    """Where output goes: a file descriptor, and nowhere once nobody reads it or its disk is full."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def writable(self) -> bool:
        """True."""
        return True

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._descriptor)

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def write(self, content: bytes) -> int:
        """Writes, and never fails."""
        try:
            return os.write(self._descriptor, content)
        except OSError:
            # For libraries that write there themselves, too.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._descriptor)
            os.close(nowhere)
            return len(content)


def keep_streams() -> None:
    """From now on the process goes on where its output cannot be written: a run is worth more than what it prints.

    Where standard streams were closed, the first files that are opened would get their descriptors, and with them
    whatever libraries print.
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
        lasting = io.BufferedWriter(_LastingStream(descriptor))
        encoding = given.encoding if given else "utf-8"
        # Those of `python -u` pass on every write; here every line is enough.
        line_buffering = not given or given.line_buffering or given.write_through
        stream = io.TextIOWrapper(lasting, encoding, "replace", line_buffering=line_buffering)
        if given:
            # Kept, since it would close the descriptor when it goes.
            stream.given = given
        setattr(sys, name, stream)


def find_libraries() -> None:
    """Goes on in the environment that `bin/quickstart` or `bin/test` made, if this Python lacks a library.

    Exits with status 2 and one sentence if there is no such environment either. It also keeps TensorFlow from talking
    about what it is made of, and has it use oneDNN; and settles what a user's environment may have for other programs:
    Keras computes with TensorFlow, matplotlib draws without a screen, and what the output's encoding lacks is printed
    as a question mark.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    # A notebook's backend need not be installed where the commands run.
    os.environ["MPLBACKEND"] = "agg"
    keep_streams()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # TensorFlow leaves oneDNN out on processors without AVX-512; there a step was measured to be twice as fast with it
    # at 16 games, a third faster at 64, an eighth at 1,024.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if not missing:
        return
    root = Path(__file__).resolve().parents[2]
    environment = Path(os.environ.get("TF_EMCOM_VENV", root / ".venv"))
    python = environment / "bin" / "python"
    # Its Python is a link to another one, so the folders are compared.
    if python.exists() and environment.resolve() != Path(sys.prefix).resolve():
        os.execv(python, [str(python), *sys.argv])
    print(
        f"Error: {sys.executable} lacks {', '.join(missing)}; install tf_emcom as README.md says, or run"
        " bin/quickstart, which makes an environment that this command then uses.",
        file=sys.stderr,
    )
    sys.exit(2)
