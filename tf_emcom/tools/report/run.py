"""What a report reads of a run's folder."""

import contextlib
import copy
import os
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tf_emcom import files
from tf_emcom.errors import UserError
from tf_emcom.plots import Mark
from tf_emcom.runtime import config_diff
from tf_emcom.runtime.evaluation_rows import of_the_run
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.schedules import in_words
from tf_emcom.training.trained_speaker import SPEAKER_CONFIG

_FIX = "check the rights of the file, or run the command that wrote it again"

Row = dict[str, Any]


class Lines(NamedTuple):
    """What a file of JSON lines holds: rows, and the number of lines that are cut off, changed, or of another form."""

    rows: list[Row]
    left_out: int


def read_lines(path: str, needed: Sequence[str]) -> Lines:
    """The lines of a file that are objects and have a finite number under every key in `needed`; none if it is missing.

    Raises:
      UserError: there is a file that cannot be read.
    """
    found = files.read_text(path, _FIX) if tf.io.gfile.exists(path) else ""
    texts = [text for text in found.split("\n") if text.strip()]
    rows = []
    for text in texts:
        with contextlib.suppress(ValueError):
            rows.append(files.row_of(text))
    left_out = max(len(texts) - len(rows), files.missing_lines(rows))
    usable = [row for row in rows if all(is_number(row.get(key)) for key in needed)]
    return Lines(usable, left_out + len(rows) - len(usable))


def is_number(value: object) -> bool:
    """Whether it can be drawn."""
    # Beyond what a float can be there is nothing to draw.
    return isinstance(value, int | float) and abs(value) <= sys.float_info.max


_ABSENT = " there, not bound here"


class Run:
    """A run's folder, its name in the report and how its curves look.

    Attributes:
      path: the folder.
      name: different from those of the other runs.
      mark: of its curves.
      config: the text of its config.gin.
      bindings: name → value of that text, both as they are written.
      metrics: the lines of metrics.jsonl, each with a step.
      validation: those of validation.jsonl, if there are any, each with a step.
      setting_of_part: the numbers that vary, where it is a part of `settings`.
    """

    setting_of_part: dict[str, float] = {}

    def __init__(self, path: str, name: str, mark: Mark) -> None:
        """UserError where no run lives there, or it has logged nothing yet."""
        self.path = path
        self.name = name
        self.mark = mark
        folder = RunFolder(path)
        if not tf.io.gfile.exists(folder.config) or tf.io.gfile.isdir(folder.config):
            raise UserError(
                f"There is no run in {path}: it has no config.gin; name the folder of a run, or make one with"
                " tf-emcom train --gin_file=gin/nlg_digits.gin."
            )
        self.config = folder.require_config()
        try:
            # From an empty text, every binding is a difference.
            bindings = config_diff.differences(self.config, "", ignore=())
        except UserError as error:
            raise UserError(f"{folder.config} cannot be understood: {error}") from error
        self.bindings = dict(one.removesuffix(_ABSENT).split(" = ", 1) for one in bindings)
        self.metrics = read_lines(os.path.join(path, "metrics.jsonl"), ["step"])
        self.validation = read_lines(os.path.join(path, "validation.jsonl"), ["step"])
        if self.metrics.left_out and not self.metrics.rows:
            raise UserError(f"{path}/metrics.jsonl is damaged (no line of it is a logged step); copy the file again.")
        if not self.metrics.rows:
            raise UserError(
                f"The run in {path} has no metrics yet: metrics.jsonl gets its first line at the first logged step;"
                " wait for it, or start the same tf-emcom train command again."
            )

    def settings(self) -> list["Run"]:
        """Where numbers vary between its independent pairs, a run of each setting of them, as if trained alone."""
        varied = self.metrics.rows[-1].get("varied")
        if not isinstance(varied, list) or not all(_is_setting(each) for each in varied):
            return [self]
        return [self._part(each, varied) for n, each in enumerate(varied) if each not in varied[:n]] or [self]

    def _part(self, setting: dict[str, float], varied: list[dict[str, float]]) -> "Run":
        part, places = copy.copy(self), [i for i, each in enumerate(varied) if each == setting]
        part.setting_of_part = setting
        part.name = f"{self.name}: {in_words(setting)}"
        part.bindings = self.bindings | {name: f"{value:g}" for name, value in setting.items()}
        part.metrics, part.validation = (
            lines._replace(rows=[_of_pairs(row, places, len(varied)) for row in lines.rows])
            for lines in (self.metrics, self.validation)
        )
        return part

    @property
    def transfers(self) -> bool:
        """Whether a new listener learns from a frozen speaker in it."""
        kept = tf.io.gfile.exists(os.path.join(self.path, SPEAKER_CONFIG))
        return kept or "TransferGame" in self.setting("game")

    @property
    def names(self) -> bool:
        """Whether its listener names labels instead of choosing among inputs."""
        return self.setting("task").startswith("@Naming")

    @property
    def chance(self) -> float | None:
        """The accuracy that guessing has in training; None where candidates are no inputs."""
        count = self.setting("Discrimination.distractors")
        if self.transfers or not self.setting("task").startswith("@Discrimination()"):
            return None
        if count.isdigit():
            return 1.0 / (int(count) + 1)
        size, groups = self.setting("batch_size"), self.setting("Discrimination.groups") or "1"
        return int(groups) / int(size) if size.isdigit() and int(size) and groups.isdigit() else None

    def setting(self, name: str) -> str:
        """The value of a binding as it is written, or of the macro it names; empty where there is none."""
        value = self.bindings.get(name, "")
        for _ in range(len(self.bindings)):
            if not value.startswith("%"):
                break
            value = self.bindings.get(value[1:], "")
        return value

    def evaluation(self, test: str, needed: Sequence[str]) -> Lines:
        """The lines of eval/<test>.jsonl about the run as it is now that have a number under every key in `needed`."""
        lines = read_lines(os.path.join(self.path, "eval", f"{test}.jsonl"), needed)
        rows = [row for row in of_the_run(lines.rows) if _is_setting(row.get("varied", {}))]
        if self.setting_of_part:
            own = [row for row in rows if row.get("varied") == self.setting_of_part]
            rows = [{key: value for key, value in row.items() if key != "varied"} for row in own]
        return lines._replace(rows=rows)

    @property
    def starts(self) -> Lines:
        """The lines of environment.json; none in a run of an earlier version."""
        return read_lines(os.path.join(self.path, "environment.json"), [])

    def figure(self, name: str) -> bytes | None:
        """The picture figures/<name>.png; None where it is missing."""
        path = os.path.join(self.path, "figures", f"{name}.png")
        return files.read_bytes(path, _FIX) if tf.io.gfile.exists(path) else None


def _is_setting(value: object) -> bool:
    return isinstance(value, dict) and all(map(is_number, value.values()))


def _of_pairs(row: Row, places: Sequence[int], pairs: int) -> Row:
    """A line of several independent pairs, as one of those at some places."""
    by_seed = row.get("by_seed")
    known = by_seed.items() if isinstance(by_seed, dict) else ()
    own = {name: [each[i] for i in places] for name, each in known if isinstance(each, list) and len(each) == pairs}
    means = {name: float(np.mean(each)) if all(map(is_number, each)) else None for name, each in own.items()}
    return {**row, **means, "by_seed": own if len(places) > 1 else {}}


def distinct_names(paths: Sequence[str]) -> list[str]:
    """The folders' names, with as many of the folders above as make them different."""
    parts = [path.rstrip("/").split("/") for path in paths]
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-depth:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    return list(paths)


def at_last(row: Row, key: str) -> float | None:
    """A number of a line; None where there is none."""
    value = row.get(key)
    return value if isinstance(value, int | float) else None
