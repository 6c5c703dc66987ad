"""A run's folder: configuration, checkpoints, metrics and results."""

import json
import os
import sys
import tempfile
from collections.abc import Iterable
from typing import IO, Any

import tensorflow as tf

from tf_emcom import files
from tf_emcom.errors import UserError
from tf_emcom.runtime.checkpoint_files import checkpoint_steps
from tf_emcom.runtime.checkpoints import BEST_FOLDER, FOLDER, NEWEST, Checkpoints, HasState
from tf_emcom.runtime.evaluation_rows import merged

_FIX = "name another file with --json"


def require_writable(path: str) -> None:
    """UserError where a local file cannot be written; called before hours are spent on its content."""
    if files.is_remote(path):
        return
    is_new = not os.path.lexists(path)
    with files.file_errors(path, fix=_FIX):
        # Without O_NONBLOCK, a pipe without a reader would wait for ever.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK, 0o666))
        if is_new:
            os.remove(path)


def write_json(path: str | os.PathLike[str], content: Any) -> None:  # noqa: ANN401 whatever JSON can hold
    """Writes content as indented JSON; UserError where the file cannot be written."""
    path, text = os.fspath(path), json.dumps(content, indent=2) + "\n"
    if files.is_irregular(path):
        # Such as /dev/stdout, which cannot be replaced by another file.
        with files.file_errors(path, fix=_FIX), tf.io.gfile.GFile(path, "w") as file:
            file.write(text)
    else:
        files.write_whole(path, text)


_LOCK, _CONFIG, _METRICS, _VALIDATION = ".lock", "config.gin", "metrics.jsonl", "validation.jsonl"
_READING = "check how the path is spelled and its rights, or name another folder"
_CONFIG_FIX = "copy the file again, or name another --workdir"
_METRICS_FIX = "fix or remove it, then run the same command again"
_GOING_ON = "fix that, then run the same command again to resume from the last checkpoint"
_EVALUATION_FIX = "run that test again, or remove the file"


class RunFolder:
    """A run's folder, local or on cloud storage; a run of another configuration overwrites nothing in it.

    Methods that write raise `UserError` where that is not possible.

    Attributes:
      which: the checkpoint that a test reads, as for `Checkpoints.restore_agents`.
    """

    which: str = NEWEST

    def __init__(self, path: str, source: str | None = None) -> None:
        """Everything is written to `path`; the run is read from `source`, which is `path` by default."""
        self.path = path
        self.source = source or path
        self.config = os.path.join(self.source, _CONFIG)
        self.checkpoints = os.path.join(self.source, FOLDER)
        self.new_checkpoints = os.path.join(path, FOLDER)
        self.new_best = os.path.join(path, BEST_FOLDER)
        self.tensorboard = os.path.join(path, "tensorboard")
        self._metrics = os.path.join(path, _METRICS)
        self._validation = os.path.join(path, _VALIDATION)
        self._lock: IO[str] | None = None

    def read_config(self) -> str | None:
        """The configuration of the run, None where the folder is empty or missing; UserError for another folder."""
        with files.file_errors(f"The folder {self.source}", "cannot be read", _READING):
            if tf.io.gfile.exists(self.config) and not tf.io.gfile.isdir(self.config):
                text = files.read_text(self.config, _CONFIG_FIX)
                if not text.strip():
                    raise UserError(f"{self.config} is empty; {_CONFIG_FIX}.")
                return text
            is_folder = tf.io.gfile.isdir(self.source)
            found = tf.io.gfile.listdir(self.source) if is_folder else []
            is_taken = not is_folder and tf.io.gfile.exists(self.source)
        # Leftovers of killed processes do not count.
        if is_taken or [name for name in found if name != _LOCK and not name.endswith(files.NEW)]:
            raise UserError(
                f"The workdir {self.source} holds files but no config.gin, so it is no run's folder; name another"
                " --workdir, or empty it."
            )
        return None

    def require_config(self) -> str:
        """The configuration of the run; UserError where there is no run."""
        stored = self.read_config()
        if stored is None:
            raise UserError(
                f"There is no run in {self.source}; train first, or name a trained run's folder with --workdir."
            )
        return stored

    def has_results(self) -> bool:
        """Whether anything was trained here that could be lost."""
        return bool(checkpoint_steps(self.checkpoints)) or tf.io.gfile.exists(os.path.join(self.source, _METRICS))

    @property
    def bindings(self) -> dict[str, str]:
        """What has to be bound besides the configuration, so that the agents are those of this folder."""
        return {}

    def restore_agents(self, agents: HasState, which: str = NEWEST) -> int:
        """Restores agents from one of the checkpoints, and returns its step; `which` and errors as `Checkpoints`."""
        return Checkpoints(self.checkpoints, agents).restore_agents(self.path, which)

    def write_config(self, text: str) -> None:
        """Makes this locked folder that of a run with this configuration."""
        files.write_whole(os.path.join(self.path, _CONFIG), files.with_checksum(text))

    def write_document(self, name: str, text: str) -> None:
        """Writes a file beside the configuration."""
        files.write_whole(os.path.join(self.path, name), text)

    def read_document(self, name: str) -> str:
        """The text of a file beside the configuration."""
        return files.read_text(os.path.join(self.source, name), _CONFIG_FIX)

    def has_document(self, name: str) -> bool:
        """Whether there is a file of that name beside the configuration."""
        with files.file_errors(f"The folder {self.source}", "cannot be read", _READING):
            return tf.io.gfile.exists(os.path.join(self.source, name))

    def lock(self) -> None:
        """Locks the folder until `close` or the process ends; UserError where another process trains here."""
        self._made()
        if files.is_remote(self.path):
            return  # Cloud storage has no locks.
        busy = f"Another process is training in {self.path}; wait until it ends, or name another --workdir."
        self._lock = files.lock(os.path.join(self.path, _LOCK), busy)

    def close(self) -> None:
        """Unlocks the folder."""
        if self._lock:
            self._lock.close()

    def clear_unfinished(self) -> None:
        """Removes files of this locked folder that killed processes did not finish."""
        if not files.is_remote(self.path):
            for name in ("", "eval", "figures"):
                files.clear_unfinished(os.path.join(self.path, name))

    def append_environment(self, start: dict[str, Any]) -> None:
        """Adds a line about a start of the run to environment.json, and keeps those of earlier starts."""
        path = os.path.join(self.path, "environment.json")
        earlier = files.read_bytes(path, _METRICS_FIX).decode(errors="replace") if tf.io.gfile.exists(path) else ""
        files.write_whole(path, earlier + files.json_lines([start]))

    def append_metrics(self, row: dict[str, Any]) -> None:
        """Adds a line to metrics.jsonl; on cloud storage, that uploads the whole file, which is small."""
        _append(self._metrics, row)

    def read_metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl, without one that a kill cut short."""
        return _read(self._metrics)

    def metrics_of(self, step: int) -> dict[str, Any]:
        """The line of metrics.jsonl about a step; empty, with a note on standard error, where there is none."""
        for row in self.read_metrics():
            if row["step"] == step:
                return row
        _note(f"{self._metrics} has no line of step {step:,}, so no metrics are shown.")
        return {}

    def forget_metrics_after(self, step: int) -> None:
        """Drops the lines of later steps, which will be done again."""
        _forget_after(self._metrics, step)

    def append_validation(self, row: dict[str, Any]) -> None:
        """Adds a line to validation.jsonl, as to metrics.jsonl."""
        _append(self._validation, row)

    def read_validation(self) -> list[dict[str, Any]]:
        """The lines of validation.jsonl, without one that a kill cut short."""
        return _read(self._validation)

    def forget_validation_after(self, step: int) -> None:
        """Drops the lines of later steps, which will be done again."""
        _forget_after(self._validation, step)

    def note_lost(self, step: int, every: int | None) -> None:
        """Says on standard error what a run lacks that resumes at `step` (0: from nothing) and logs each `every`."""
        logged = [row["step"] for row in self.read_metrics()]
        if logged and logged[-1] > step:
            _note(
                f"{self._metrics} goes up to step {logged[-1]:,}, but the newest checkpoint is"
                f" {f'of step {step:,}' if step else 'gone'}; the steps after it are done again."
            )
        expected = range(every, step + 1, every) if every else ()
        if missing := len({*expected} - {*logged}):
            _note(
                f"{self._metrics} lacks {missing} of the {len(expected)} lines up to step {step:,}; they were cut or"
                " removed, and are not written again."
            )

    def prepare_results(self) -> None:
        """Makes the folders of results, so that errors come before a measurement, which can take hours."""
        self._made("eval")
        self._made("figures")

    def write_evaluation(self, mode: str, rows: Iterable[dict[str, Any]], weights: str = "") -> str:
        """Adds rows to eval/<mode>.jsonl, as `evaluation_rows.merged` does, and returns its path.

        They get the field `weights`, the checksum of the agents that were measured, unless it is empty.
        """
        path = os.path.join(self._made("eval"), f"{mode}.jsonl")
        mark = {"weights": weights} if weights else {}
        try:
            old = files.read_json_lines(path, _EVALUATION_FIX) if tf.io.gfile.exists(path) else []
        except UserError as error:
            _note(f"{error} Its other rows are lost: it holds the new ones only.")
            old = []
        found, left_out = merged(old, [{**row, **mark} for row in rows])
        if left_out:
            _note(f"{left_out} rows were not written to {path}, which has the same of more games or messages already.")
        files.write_whole(path, files.whole_json_lines(found))
        return path

    def read_evaluations(self) -> dict[str, list[dict[str, Any]]]:
        """Mode → the lines of eval/<mode>.jsonl."""
        folder = os.path.join(self.path, "eval")
        return {
            name.removesuffix(".jsonl"): files.read_json_lines(os.path.join(folder, name), _EVALUATION_FIX)
            for name in files.names_in(folder)
            if name.endswith(".jsonl")
        }

    def figure(self, mode: str) -> str:
        """The path of figures/<mode>.png, in an existing folder."""
        return os.path.join(self._made("figures"), f"{mode}.png")

    def _made(self, name: str = "") -> str:
        folder = os.path.join(self.path, name) if name else self.path
        with files.file_errors(f"The folder {folder}", "cannot be made", "name another --workdir"):
            tf.io.gfile.makedirs(folder)
        return folder


def _append(path: str, row: dict[str, Any]) -> None:
    """Adds a line about a step to a file."""
    with files.file_errors(path, fix=_GOING_ON):
        if files.is_irregular(path):
            raise OSError(0, "it is no regular file")
        with tf.io.gfile.GFile(path, "a") as file:
            file.write(files.json_lines([row]))


def _read(path: str) -> list[dict[str, Any]]:
    """The lines of a file about steps, without one that a kill cut short; none where there is no file."""
    if not tf.io.gfile.exists(path):
        return []
    # A line without its line break was never finished.
    whole = files.read_bytes(path, _METRICS_FIX).rpartition(b"\n")[0]
    try:
        rows = [files.row_of(line) for line in whole.decode().splitlines() if line]
        return [row for row in rows if isinstance(row["step"], int)]
    except (ValueError, KeyError) as error:
        raise UserError(
            f"{path} has a line that is no logged step ({files.reason(error)}); {_METRICS_FIX}."
        ) from error


def _forget_after(path: str, step: int) -> None:
    """Drops the lines about later steps from a file."""
    if tf.io.gfile.exists(path):
        files.write_whole(path, files.json_lines(row for row in _read(path) if row["step"] <= step))


def _note(text: str) -> None:
    print(f"Note: {text}", file=sys.stderr, flush=True)


class WorkerFolder(RunFolder):
    """The run's folder for processes other than the chief: they read what the chief wrote, and only the chief writes.

    TensorFlow requires every process to save; what these processes write goes to a temporary folder.
    """

    def __init__(self, path: str) -> None:
        """`path` is the run's folder, which all processes can read."""
        with files.file_errors(tempfile.gettempdir(), fix="make room there, or name another folder by TMPDIR"):
            self._scratch = tempfile.TemporaryDirectory(prefix="tf_emcom-worker-", ignore_cleanup_errors=True)
        super().__init__(self._scratch.name, path)

    def close(self) -> None:
        super().close()
        self._scratch.cleanup()
