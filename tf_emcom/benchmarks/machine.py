"""What a report's numbers were measured on."""

import os
import platform
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.python.util import _pywrap_util_port

# What the speed of matrix products on processors hangs on.
_FLAGS = ("avx", "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile", "amx_bf16")
# Above so many other processes that want to run, times are theirs as well.
_BUSY = 0.3


def describe(load: float) -> dict[str, Any]:
    """Facts that two reports must share for their times to be comparable.

    Args:
      load: the load average of the last minute before anything was measured.
    """
    information = _cpu_information()
    known = set(information.get("flags", "").split())
    return {
        "processor": information.get("model name", platform.processor() or platform.machine()),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "flags": " ".join(flag for flag in _FLAGS if flag in known),
        "gpus": [_name(device) for device in tf.config.list_physical_devices("GPU")],
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "onednn": bool(_pywrap_util_port.IsMklEnabled()),
        "load": round(load, 2),
    }


def told(machine: dict[str, Any]) -> str:
    """The same as lines of text, with a warning where others used the machine."""
    vectors, onednn = machine["flags"] or "vector units unknown", "on" if machine["onednn"] else "off"
    lines = [
        f"Processor: {machine['processor']}, {machine['cores']} cores; {vectors}",
        f"GPU: {', '.join(machine['gpus']) or 'none'}",
        f"Python {machine['python']}, TensorFlow {machine['tensorflow']}, oneDNN {onednn}",
        f"Load average before the run: {machine['load']:.2f}",
    ]
    if machine["load"] > _BUSY:
        lines.append(
            "WARNING: the machine was not idle, so times are too long and shares of the peak uncertain; wait until the"
            f" load average is below {_BUSY}."
        )
    return "\n".join(lines)


def load_average() -> float:
    """How many processes wanted to run in the last minute, on average; 0 where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def _cpu_information() -> dict[str, str]:
    """Linux's description of the first core."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().split("\n\n")[0].splitlines() if path.exists() else []
    pairs = (line.partition(":") for line in lines)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _name(device: tf.config.PhysicalDevice) -> str:
    return tf.config.experimental.get_device_details(device).get("device_name", device.name)
