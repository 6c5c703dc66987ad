"""Where the numbers of a run come from: the command, the code, the versions of libraries and the machine."""

import datetime
import importlib.metadata
import os
import platform
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import tensorflow as tf

import tf_emcom

_LIBRARIES = (
    *("tensorflow", "tensorflow-cpu", "tensorflow-tpu", "keras", "numpy", "tensorflow-probability"),
    *("tensorflow-datasets", "gin-config"),
)
_WITH_HOST = "TF_EMCOM_RECORD_HOST"


def environment() -> dict[str, Any]:
    """A start of a run: time (UTC), command, commits, versions, processor and devices.

    The name of the machine is left out, unless the environment has `TF_EMCOM_RECORD_HOST=1`.
    """
    folders = {"tf_emcom": Path(tf_emcom.__file__).parents[1], "working_folder": Path.cwd()}
    return {
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": shlex.join([os.path.basename(sys.argv[0]), *sys.argv[1:]]),
        "git": {name: state for name, folder in folders.items() if (state := _commit(folder))},
        "versions": {"tf_emcom": tf_emcom.__version__, "python": platform.python_version(), **_versions()},
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "devices": [_named(device) for device in tf.config.list_physical_devices()],
        **({"host": socket.gethostname()} if os.environ.get(_WITH_HOST) else {}),
    }


def _commit(folder: Path) -> dict[str, Any] | None:
    """The commit that a folder's checkout is at, and whether files differ from it; None where git knows of none."""
    asked: dict[str, Any] = {"cwd": folder, "capture_output": True, "text": True, "timeout": 10}
    try:
        head = subprocess.run(["git", "rev-parse", "HEAD"], **asked)
        changes = subprocess.run(["git", "status", "--porcelain", "--untracked-files=no"], **asked)
    except (OSError, subprocess.SubprocessError):
        return None
    if head.returncode or changes.returncode:
        return None
    return {"commit": head.stdout.strip(), "changed": bool(changes.stdout.strip())}


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _named(device: Any) -> str:
    details = tf.config.experimental.get_device_details(device) if device.device_type == "GPU" else {}
    return details.get("device_name", device.name.removeprefix("/physical_device:"))
