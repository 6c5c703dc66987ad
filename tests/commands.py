"""Starts the real commands in real processes."""

import os
import subprocess
import sys
from pathlib import Path

from tests.preloaded import python

ROOT = Path(__file__).parents[1]

# Agents so small that starting TensorFlow takes longer than training them.
TINY = (
    "speaker/LstmCore.units=8",
    "listener/LstmCore.units=8",
    "message_length=3",
    "steps=4",
    "Log.every=2",
    "Checkpoint.every=2",
)


def start(command, *arguments, params=(), env=()):
    """Runs bin/<command> to its end, from the repository's folder, and returns the finished process."""
    return run(python(), command, *arguments, *(f"--gin_param={p}" for p in params), env=env)


def start_afresh(command, *arguments, env=()):
    """As `start`, in a process that imports what it needs."""
    return run([sys.executable], command, *arguments, env=env)


def run(beginning, command, *arguments, env=()):
    words = [*beginning, f"bin/{command}", *map(str, arguments)]
    environment = {**os.environ, **dict(env)}
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, with its content."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
