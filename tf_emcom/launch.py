"""Starting a command where its libraries are."""

import importlib.util
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
    # None where it was closed before the command began.
    if sys.stdout is not None:
        sys.stdout.reconfigure(errors="replace")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # TensorFlow leaves oneDNN out on processors without AVX-512; there a step was measured to be twice as fast with it
    # at 16 games, a third faster at 64, an eighth at 1,024.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if not missing:
        return
    root = Path(__file__).resolve().parents[1]
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
