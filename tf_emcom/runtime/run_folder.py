"""What a run leaves behind."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from typing import Any

import tensorflow as tf

from tf_emcom import files
from tf_emcom.errors import UserError
from tf_emcom.runtime.checkpoints import Checkpoints, newest_checkpoint, require_checkpoint
from tf_emcom.trainee import Trainee

_LOCK = ".lock"
_UNFINISHED = ".new"


class RunFolder:
    """A run's folder, local or on cloud storage; nothing in it is overwritten by a run of another configuration."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.config = os.path.join(path, "config.gin")
        self.checkpoints = os.path.join(path, "checkpoints")
        self.new_checkpoints = self.checkpoints
        self.tensorboard = os.path.join(path, "tensorboard")
        self._metrics = os.path.join(path, "metrics.jsonl")

    def read_config(self) -> str | None:
        """The configuration of the run that lives here, None where none does.

        Raises:
          UserError: something else lives here.
        """
        with self._unreadable_told():
            if tf.io.gfile.exists(self.config) and not tf.io.gfile.isdir(self.config):
                with tf.io.gfile.GFile(self.config) as file:
                    return file.read()
            is_folder = tf.io.gfile.isdir(self.path)
            found = tf.io.gfile.listdir(self.path) if is_folder else []
            is_taken = not is_folder and tf.io.gfile.exists(self.path)
        # What a kill left of a file that was being written is nobody's.
        if is_taken or [name for name in found if name != _LOCK and not name.endswith(_UNFINISHED)]:
            raise UserError(
                f"The workdir {self.path} holds files but no config.gin, so it is no run's folder; name another"
                " --workdir, or empty it."
            )
        return None

    def require_config(self) -> str:
        """The configuration of the run that lives here; UserError where none does."""
        stored = self.read_config()
        if stored is None:
            raise UserError(
                f"There is no run in {self.path}; train first, or name a trained run's folder with --workdir."
            )
        return stored

    def has_results(self) -> bool:
        """Whether anything was trained here: only then is there something to lose."""
        return newest_checkpoint(self.checkpoints) is not None or tf.io.gfile.exists(self._metrics)

    @property
    def bindings(self) -> dict[str, str]:
        """What has to be bound besides the configuration for the agents to be those that live here."""
        return {}

    def restore_agents(self, agents: Trainee) -> int:
        """Gives agents their weights from the newest checkpoint, and returns its step.

        Raises:
          UserError: there is none, it does not fit, or it is damaged.
        """
        return Checkpoints(require_checkpoint(self.path), agents).restore_latest_agents()

    def write_config(self, text: str) -> None:
        """Makes this folder, which is locked, that of a run with that configuration."""
        self._replace(self.config, text)

    def write_document(self, name: str, text: str) -> None:
        """Keeps a file beside the configuration."""
        self._replace(os.path.join(self.path, name), text)

    def read_document(self, name: str) -> str:
        """The text of a file that is kept."""
        with tf.io.gfile.GFile(os.path.join(self.path, name)) as file:
            return file.read()

    def has_document(self, name: str) -> bool:
        """Whether such a file is kept."""
        with self._unreadable_told():
            return tf.io.gfile.exists(os.path.join(self.path, name))

    def lock(self) -> None:
        """Keeps other processes on this machine from training here, until this one ends, however it ends.

        Raises:
          UserError: one does already.
        """
        self._make(self.path)
        if "://" in self.path:
            return  # Cloud storage has no locks.
        self._lock = open(os.path.join(self.path, _LOCK), "w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(
                f"Another process is training in {self.path}; wait until it ends, or name another --workdir."
            ) from error

    def append_metrics(self, row: dict[str, Any]) -> None:
        """Adds a line to metrics.jsonl.

        On cloud storage, that uploads the file anew: it is small, has one writer, and readers find it old or new.
        """
        try:
            with tf.io.gfile.GFile(self._metrics, "a") as file:
                file.write(json.dumps(row) + "\n")
        except (OSError, tf.errors.OpError) as error:
            raise UserError(
                f"{self._metrics} cannot be written ({_reason(error)}); mend that, and the same command goes on from"
                " the last checkpoint."
            ) from error

    def read_metrics(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl; one that a kill cut short is left out."""
        if not tf.io.gfile.exists(self._metrics):
            return []
        with tf.io.gfile.GFile(self._metrics) as file:
            lines = file.read().split("\n")
        # What stands behind the last line break was never finished.
        try:
            rows = [json.loads(line) for line in lines[:-1]]
            return [row for row in rows if isinstance(row["step"], int)]
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise UserError(
                f"{self._metrics} has a line that is no logged step ({error}); mend or remove it, then start again."
            ) from error

    def forget_metrics_after(self, step: int) -> None:
        """Drops the lines of steps that will be done again."""
        rows = self.read_metrics()
        if tf.io.gfile.exists(self._metrics):
            self._replace(self._metrics, _lines(row for row in rows if row["step"] <= step))

    def prepare_results(self) -> None:
        """Makes the folders of results; called before anything is measured, since a measurement can take hours."""
        self._make(os.path.join(self.path, "eval"))
        self._make(os.path.join(self.path, "figures"))

    def write_evaluation(self, mode: str, rows: Iterable[dict[str, Any]]) -> str:
        """Writes eval/<mode>.jsonl anew and returns its path."""
        folder = os.path.join(self.path, "eval")
        self._make(folder)
        path = os.path.join(folder, f"{mode}.jsonl")
        self._replace(path, _lines(rows))
        return path

    def read_evaluations(self) -> dict[str, list[dict[str, Any]]]:
        """Mode → the lines of eval/<mode>.jsonl, of all tests that were done."""
        folder, ending = os.path.join(self.path, "eval"), ".jsonl"
        fix = "remove it, or run that test again"
        return {
            name.removesuffix(ending): files.read_json_lines(os.path.join(folder, name), fix)
            for name in files.names_in(folder)
            if name.endswith(ending)
        }

    def figure(self, mode: str) -> str:
        """The path of figures/<mode>.png, its folder being there."""
        folder = os.path.join(self.path, "figures")
        self._make(folder)
        return os.path.join(folder, f"{mode}.png")

    @contextlib.contextmanager
    def _unreadable_told(self) -> Iterator[None]:
        try:
            yield
        except (OSError, tf.errors.OpError) as error:
            raise UserError(
                f"The folder {self.path} cannot be read ({_reason(error)}); look at how it is spelt and at who may read"
                " it, or name another one."
            ) from error

    def _make(self, folder: str) -> None:
        try:
            tf.io.gfile.makedirs(folder)
        except (OSError, tf.errors.OpError) as error:
            raise UserError(
                f"The folder {folder} cannot be made ({_reason(error)}); name another --workdir."
            ) from error

    def _replace(self, path: str, text: str) -> None:
        # Readers, and a kill, find either the old text or the new one: on cloud storage, which cannot rename, this
        # copies a whole object over another one, and a kill leaves at most the new name besides.
        try:
            # Under a name of its own, since two evaluations may write at the same time.
            new = f"{path}.{os.getpid()}{_UNFINISHED}"
            with tf.io.gfile.GFile(new, "w") as file:
                file.write(text)
            tf.io.gfile.rename(new, path, overwrite=True)
        except (OSError, tf.errors.OpError) as error:
            raise UserError(
                f"{path} cannot be written ({_reason(error)}); mend that, or use another --workdir."
            ) from error


def _reason(error: Exception) -> str:
    return str(getattr(error, "message", error)).splitlines()[0]


def _lines(rows: Iterable[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)
