"""What a command has made, in a form that can be compared, and how a command ended, in a word."""

import hashlib
import re
import signal
from pathlib import Path

import numpy as np
from processes import Ended

_EVENTS = re.compile(r"events\.out\.tfevents\.[^/]*")
# What processes and random draws put into names, and what changes with the time of writing.
_NUMBER = re.compile(r"(?<=tempstate)[0-9]+|(?<=\.)[0-9]{2,}(?=\.|$)|[0-9a-f]{16,}")
_TIMES = re.compile(r'"modified": [0-9]+|"checksum": ("[^"]*"|[0-9]+)')
_SPEED = re.compile(r'"games_per_second": [0-9.e+-]+')
_PYTHON = re.compile(
    r"object (has no|is not|cannot|does not)|NoneType|unsupported operand|not supported between|positional argument"
    r"|^Error: [A-Z]\w+Error|must be (a |an )?(str|int|real|bytes)\b|invalid literal|expected str|\[Errno"
)
# The reason that a library gives, behind what was read and before what to do.
_QUOTED = re.compile(r"\(.*\)(?=[;.])")
# Only whether there is something in them: speed and times of writing are.
_VARYING = re.compile(r"events\.out\.tfevents\..*|.*\.png|.*\.log|fingerprint\.pb|\.lock|checkpoint")


def contents(folder: Path, case: Path) -> dict[str, str]:
    """Every file below `folder` by a digest of what counts in it; to be called in a child, since it uses TensorFlow."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            name = _NUMBER.sub("N", _EVENTS.sub("events", str(path.relative_to(folder))))
            found[name] = _digest(path, str(case).encode())
        elif path.is_dir() and not any(path.iterdir()):
            found[f"{path.relative_to(folder)}/"] = ""
    return found


def _digest(path: Path, case: bytes) -> str:
    if _VARYING.fullmatch(path.name):
        return "something" if path.stat().st_size else "empty"
    if ".data-" in path.name:
        return "in the index"
    try:
        content = _comparable(path)
    except Exception as error:
        return f"unreadable: {error}"[:200]
    if path.name == "checksums.json":
        return "in the files"
    content = _SPEED.sub("", content.replace(case, b"CASE").decode("latin-1"))
    if path.suffix == ".jsonl" or (path.suffix == ".json" and '"modified": ' in content):
        content = _TIMES.sub("", content)
    return hashlib.sha256(content.encode("latin-1")).hexdigest()[:12]


def _comparable(path: Path) -> bytes:
    """What counts in a file; an exception where it cannot be read."""
    if path.suffix == ".index":
        # Reading a pipe would wait for ever.
        if not all(data.is_file() for data in path.parent.glob(f"{path.stem}.data-*")):
            raise OSError("its data are no regular file")
        return _tensors(str(path.with_suffix(""))).encode()
    if path.suffix == ".parquet":
        import pyarrow.parquet

        return repr(pyarrow.parquet.read_table(path).to_pydict()).encode()
    if path.suffix == ".pb":
        from tensorflow.core.protobuf import saved_model_pb2

        graph = saved_model_pb2.SavedModel.FromString(path.read_bytes()).meta_graphs[0].graph_def
        # Functions are stored in an order of their own.
        return repr(sorted(len(function.node_def) for function in graph.library.function)).encode()
    return path.read_bytes()


def _tensors(prefix: str) -> str:
    import tensorflow as tf

    reader = tf.train.load_checkpoint(prefix)
    # The graph of objects is stored in an order of its own, and the counter starts again with each process.
    names = sorted(
        name for name in reader.get_variable_to_shape_map() if not re.search("OBJECT_GRAPH|save_counter", name)
    )
    return repr([(name, np.asarray(reader.get_tensor(name)).tolist()) for name in names])


def differences(wanted: dict[str, str], found: dict[str, str] | None) -> tuple[str, str]:
    """An outcome in a word or two, and which files."""
    if found is None:
        return "no result", ""
    lost = sorted(wanted.keys() - found.keys())
    extra = sorted(found.keys() - wanted.keys())
    other = sorted(name for name in wanted.keys() & found.keys() if wanted[name] != found[name])
    outcome = "lost" if lost else "WRONG" if other else "left behind" if extra else "same"
    groups = ("lost", lost), ("other", other), ("extra", extra)
    return outcome, "; ".join(f"{word} {', '.join(names[:4])}" for word, names in groups if names)


def ending(ended: Ended) -> str:
    """`ok`, `sentence`, or what should not be."""
    if ended.status in (None, -signal.SIGXCPU, -signal.SIGKILL):
        return "hang"
    if "Traceback (most recent call last)" in ended.stderr:
        return "traceback"
    if ended.status < 0:
        return f"signal {-ended.status}"
    if ended.status == 0:
        return "ok"
    sentences = [line for line in ended.stderr.splitlines() if line.startswith("Error")]
    if ended.status == 2 and sentences:
        return "sentence in Python's words" if _PYTHON.search(_QUOTED.sub("", sentences[-1])) else "sentence"
    return f"status {ended.status}"


def last_lines(text: str, count: int = 3) -> str:
    return "\n".join(line[:400] for line in text.strip().splitlines()[-count:])
