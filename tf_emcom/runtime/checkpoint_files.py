"""The files of checkpoints: finds the newest whole one, writes one as a whole, and removes old ones."""

import contextlib
import os
import re
import shutil
import sys
from collections.abc import Callable, Collection
from typing import TypeVar

import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.files import FILE_ERRORS, is_irregular, is_remote, names_in, reason, without_pattern, write_whole

# TensorFlow reports damage in all of these ways, depending on the byte that is wrong.
DAMAGES = (AssertionError, IndexError, RuntimeError, ValueError, OSError, tf.errors.OpError)

_INDEX = re.compile(r"ckpt-(\d+)\.index")
_DATA = re.compile(r"ckpt-(\d+)\.data-[\d-]+of-\d+")
# What belongs to a checkpoint, or is left of one that was being written, also by TensorFlow's own manager.
_PART = re.compile(r"ckpt-(\d+)(?:[._].*)|checkpoint\.(?:tmp.*|.*\.new)")
# How often a checkpoint that was just removed is looked for again.
_TRIES = 20
_STATE = "checkpoint"
_T = TypeVar("_T")


def checkpoint_steps(folder: str) -> list[int]:
    """The steps of the checkpoints in a folder, the newest first; they may be damaged.

    It looks at the checkpoints themselves, not at the file `checkpoint` beside them: that one may name a checkpoint
    that was removed, and may be lost without any weights being lost.
    """
    return sorted((int(found[1]) for found in map(_INDEX.fullmatch, names_in(folder)) if found), reverse=True)


def data_steps(folder: str) -> list[int]:
    """The steps of which there are data, with or without the index by which a checkpoint is found, the newest first."""
    return sorted({int(found[1]) for found in map(_DATA.fullmatch, names_in(folder)) if found}, reverse=True)


def newest_checkpoint(folder: str) -> str | None:
    """The path of the checkpoint with the highest step, None where there is none."""
    steps = checkpoint_steps(folder)
    return os.path.join(folder, f"ckpt-{steps[0]}") if steps else None


def use_newest(folder: str, use: Callable[[str], _T]) -> _T | None:
    """Calls a function with a path of the newest whole checkpoint, and returns its result; None: there is none.

    One that is damaged is named on standard error, and the one before is used. Where a training that goes on meanwhile
    has removed the one that is being read, the newest is looked for again.

    Args:
      folder: of the checkpoints.
      use: reads the checkpoint; may be called again with another one.

    Raises:
      UserError: all are damaged, or `use` cannot read a whole one, which then holds something else.
    """
    for _ in range(_TRIES):
        damaged: list[str] = []
        for step in checkpoint_steps(folder):
            name = f"ckpt-{step}"
            with without_pattern(folder) as plain:
                path = os.path.join(plain, name)
                try:
                    _read_all(path)
                except DAMAGES as error:
                    if f"{name}.index" not in names_in(folder):
                        break
                    damaged.append(f"{name} ({_short(error, path, name)})")
                    continue
                try:
                    result = use(path)
                except UserError:
                    raise
                except DAMAGES as error:
                    if f"{name}.index" not in names_in(folder):
                        break
                    raise UserError(
                        f"The checkpoint {os.path.join(folder, name)} does not fit these agents"
                        f" ({_short(error, path, name)}); use the configuration that it was made with."
                    ) from error
            _note_passed_over(folder, damaged, step)
            return result
        else:
            if damaged:
                raise UserError(
                    f"In {folder}, all checkpoints are damaged: {', '.join(damaged)}; copy them again, or train in"
                    " another folder."
                )
            return None
    raise UserError(f"In {folder}, checkpoints are removed faster than they can be read; raise Train.keep.")


def _note_passed_over(folder: str, damaged: list[str], used: int) -> None:
    """Says on standard error which newer checkpoints than that of step `used` there are, or were."""
    lost = [f"ckpt-{step}" for step in data_steps(folder) if step > used and step not in checkpoint_steps(folder)]
    if damaged:
        how = f"{', '.join(damaged)} {_is(damaged)} damaged"
    elif lost:
        how = f"{', '.join(lost)} {'has' if len(lost) == 1 else 'have'} no index, which was not written yet or is lost"
    else:
        return
    print(f"Note: in {folder}, {how}; ckpt-{used} is used.", file=sys.stderr, flush=True)


def write_checkpoint(checkpoint: tf.train.Checkpoint, folder: str, step: int, keep: int) -> None:
    """Writes `ckpt-N` of a step as a whole: after a kill at any moment it is there, or it is not.

    TensorFlow writes into a folder of its own, from where finished files are renamed, the index at last. The older
    ones beyond the `keep` newest are removed then, and all of later steps: they were damaged, and a run that goes on
    from before them does these steps again.

    Raises:
      UserError: it cannot be written; what was there before is still there.
    """
    name = f"ckpt-{step}"
    try:
        if is_remote(folder):
            tf.io.gfile.makedirs(folder)
            # Objects of cloud storage appear as a whole, and TensorFlow writes the index after the data.
            checkpoint.write(os.path.join(folder, name))
        else:
            # Not the folder above: a run's folder that somebody removed would come back without its configuration.
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder)
            with without_pattern(folder) as plain:
                _write_here(checkpoint, plain, name)
    except (
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.CancelledError,
        tf.errors.DeadlineExceededError,
    ):
        raise  # Another process of the run is lost, which is nothing about files.
    except FILE_ERRORS as error:
        raise UserError(
            f"The checkpoint {os.path.join(folder, name)} cannot be written ({reason(error)}); make room or get the"
            " rights to write there, and the same command goes on from the checkpoint before."
        ) from error
    kept = [s for s in checkpoint_steps(folder) if s <= step][:keep]
    # Nothing here reads it, but tf.train.latest_checkpoint does.
    lines = [f'model_checkpoint_path: "{name}"', *(f'all_model_checkpoint_paths: "ckpt-{s}"' for s in kept[::-1])]
    with contextlib.suppress(UserError):
        write_whole(os.path.join(folder, _STATE), "\n".join(lines) + "\n")
    remove_all_but(folder, kept)


def remove_all_but(folder: str, steps: Collection[int]) -> None:
    """Removes other checkpoints, and what killed processes left of theirs; where that does not work, it stays."""
    # The index first: what has none is no checkpoint.
    for name in sorted(names_in(folder), key=lambda name: not name.endswith(".index")):
        part = _PART.fullmatch(name)
        is_kept = (
            part and part[1] and int(part[1]) in steps and re.fullmatch(rf"{_INDEX.pattern}|{_DATA.pattern}", name)
        )
        if part and not is_kept:
            path = os.path.join(folder, name)
            with contextlib.suppress(*FILE_ERRORS):
                (tf.io.gfile.rmtree if tf.io.gfile.isdir(path) else tf.io.gfile.remove)(path)


def _write_here(checkpoint: tf.train.Checkpoint, folder: str, name: str) -> None:
    new = os.path.join(folder, f"{name}.new")
    shutil.rmtree(new, ignore_errors=True)
    os.mkdir(new)
    try:
        checkpoint.write(os.path.join(new, name))
        files = sorted(os.listdir(new), key=lambda file: file.endswith(".index"))
        for file in files:
            _sync(os.path.join(new, file))
        # An index of the same step is damaged, or does not fit to the new data.
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(folder, f"{name}.index"))
        for file in files:
            if file.endswith(".index"):
                _sync(folder)
            os.replace(os.path.join(new, file), os.path.join(folder, file))
        _sync(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _sync(path: str) -> None:
    """Waits until a file or folder is on the disk, where the file system can say so."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError as error:
        if not os.path.isdir(path):
            raise
        del error  # Some network file systems cannot do it for folders.
    finally:
        os.close(opened)


def _read_all(path: str) -> None:
    """Reads every value, whose checksums TensorFlow compares; one of `DAMAGES` where one is not what was written."""
    folder, name = os.path.split(path)
    for file in names_in(folder):
        if file.startswith(f"{name}.") and file != f"{name}.new" and is_irregular(os.path.join(folder, file)):
            raise ValueError(f"{file} is no regular file")
    # tf.train.load_checkpoint would first ask whether this is a folder, which not all storage answers alike.
    reader = tf.compat.v1.train.NewCheckpointReader(path)
    for key in reader.get_variable_to_shape_map():
        reader.get_tensor(key)


def _short(error: BaseException, path: str, name: str) -> str:
    return reason(error).replace(path, name).rstrip(".")


def _is(names: Collection[str]) -> str:
    return "is" if len(names) == 1 else "are"
