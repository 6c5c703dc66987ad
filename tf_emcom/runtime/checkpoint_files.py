"""The files of checkpoints: finds the newest undamaged one, writes a whole one or nothing, and removes old ones."""

import contextlib
import os
import re
import shutil
import sys
from collections.abc import Callable, Collection

import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.files import FILE_ERRORS, NEW, is_irregular, is_remote, names_in, reason, without_pattern, write_whole
from tf_emcom.runtime.strategies import PEER_ERRORS

# TensorFlow reports damage as one of these, depending on the byte that is wrong.
DAMAGES = (AssertionError, IndexError, RuntimeError, ValueError, OSError, tf.errors.OpError)

_INDEX = re.compile(r"ckpt-(\d+)\.index")
_DATA = re.compile(r"ckpt-(\d+)\.data-[\d-]+of-\d+")
# Files of a checkpoint, or leftovers of one that was being written, also by TensorFlow's own manager.
_PART = re.compile(r"ckpt-(\d+)(?:[._].*)|checkpoint\.(?:tmp.*|.*\.new)")
# How often to look again after the newest checkpoint was removed while it was read.
_TRIES = 20


def checkpoint_steps(folder: str, pattern: re.Pattern[str] = _INDEX) -> list[int]:
    """The steps of the checkpoints in a folder, the newest first; they may be damaged.

    The file `checkpoint` beside them is not read: it may name a checkpoint that was removed, or be lost itself.
    """
    return sorted({int(found[1]) for found in map(pattern.fullmatch, names_in(folder)) if found}, reverse=True)


def data_steps(folder: str) -> list[int]:
    """The steps that have data, with or without the index that makes them a checkpoint, the newest first."""
    return checkpoint_steps(folder, _DATA)


def use_newest(folder: str, use: Callable[[str], object], step: int | None = None) -> bool:
    """Calls a function with a path of the newest undamaged checkpoint, or that of a `step`; False where there is none.

    Damaged ones are named on standard error. Where a training run has removed the checkpoint meanwhile, the newest is
    looked for again, and `use` may be called again with it. UserError where all are damaged, or `use` cannot read an
    undamaged one, which then belongs to other agents.
    """
    for _ in range(_TRIES):
        damaged: list[str] = []
        for found in (each for each in checkpoint_steps(folder) if step in (None, each)):
            name, is_whole = f"ckpt-{found}", False
            with without_pattern(folder) as plain:
                path = os.path.join(plain, name)
                try:
                    _read_all(path)
                    is_whole = True
                    use(path)
                except UserError:
                    raise
                except DAMAGES as error:
                    if f"{name}.index" not in names_in(folder):
                        break
                    why = reason(error).replace(path, name).rstrip(".")
                    if is_whole:
                        raise UserError(
                            f"The checkpoint {os.path.join(folder, name)} does not fit these agents ({why}); use the"
                            " configuration that it was made with."
                        ) from error
                    damaged.append(f"{name} ({why})")
                    continue
            if step is None:
                _note_passed_over(folder, damaged, found)
            return True
        else:
            if damaged:
                which = "all checkpoints are damaged" if step is None else "the one asked for is damaged"
                raise UserError(
                    f"In {folder}, {which}: {', '.join(damaged)}; copy them again, or train in another folder."
                )
            return False
    raise UserError(f"In {folder}, checkpoints are removed faster than they can be read; raise Train.keep.")


def _note_passed_over(folder: str, damaged: list[str], used: int) -> None:
    """Names on standard error the checkpoints that are newer than the one of step `used`, but damaged or lost."""
    lost = [step for step in data_steps(folder) if step > used and step not in checkpoint_steps(folder)]
    without = [f"ckpt-{step} (it has no index, which was not written yet or is lost)" for step in lost]
    if unread := ", ".join([*damaged, *without]):
        print(f"Note: in {folder}, {unread} cannot be read; ckpt-{used} is used.", file=sys.stderr, flush=True)


def write_checkpoint(checkpoint: tf.train.Checkpoint, folder: str, step: int, keep: int) -> None:
    """Writes the checkpoint `ckpt-N` of a step; after a kill at any moment it is complete, or it does not exist.

    TensorFlow writes into a folder of its own; finished files are renamed from there, the index last. Then all but the
    `keep` newest are removed, and those of later steps: they were damaged, and the resumed run does these steps again.
    UserError where it cannot be written; the older checkpoints are still there.
    """
    name = f"ckpt-{step}"
    try:
        if is_remote(folder):
            tf.io.gfile.makedirs(folder)
            # Objects of cloud storage appear as a whole, and TensorFlow writes the index after the data.
            checkpoint.write(os.path.join(folder, name))
        else:
            # Not makedirs: a run's folder that somebody removed would come back without its configuration.
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder)
            with without_pattern(folder) as plain:
                _write_here(checkpoint, plain, name)
    except (*PEER_ERRORS, tf.errors.CancelledError):
        raise  # Another process of the run is lost, which has nothing to do with files.
    except FILE_ERRORS as error:
        raise UserError(
            f"The checkpoint {os.path.join(folder, name)} cannot be written ({reason(error)}); make room or get the"
            " rights to write there, then run the same command again to resume from the checkpoint before."
        ) from error
    kept = [s for s in checkpoint_steps(folder) if s <= step][:keep]
    # Nothing here reads it, but tf.train.latest_checkpoint does.
    lines = [f'model_checkpoint_path: "{name}"', *(f'all_model_checkpoint_paths: "ckpt-{s}"' for s in kept[::-1])]
    with contextlib.suppress(UserError):
        write_whole(os.path.join(folder, "checkpoint"), "\n".join(lines) + "\n")
    remove_all_but(folder, kept)


def remove_all_but(folder: str, steps: Collection[int]) -> None:
    """Removes checkpoints of other steps, and leftovers of killed processes, as far as that is possible."""
    # The index first: without it, data are no checkpoint.
    for name in sorted(names_in(folder), key=lambda name: not name.endswith(".index")):
        part = _PART.fullmatch(name)
        whole = _INDEX.fullmatch(name) or _DATA.fullmatch(name)
        if part and not (whole and int(whole[1]) in steps):
            path = os.path.join(folder, name)
            with contextlib.suppress(*FILE_ERRORS):
                (tf.io.gfile.rmtree if tf.io.gfile.isdir(path) else tf.io.gfile.remove)(path)


def _write_here(checkpoint: tf.train.Checkpoint, folder: str, name: str) -> None:
    new = os.path.join(folder, f"{name}{NEW}")
    shutil.rmtree(new, ignore_errors=True)
    os.mkdir(new)
    try:
        checkpoint.write(os.path.join(new, name))
        files = sorted(os.listdir(new), key=lambda file: file.endswith(".index"))
        for file in files:
            _sync(os.path.join(new, file))
        # An older index of this step does not fit the new data.
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
    """Waits until a file, or the list of names in a folder, is on the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError:
        # Some network file systems cannot do it for folders.
        if not os.path.isdir(path):
            raise
    finally:
        os.close(opened)


def _read_all(path: str) -> None:
    """Reads every value, so that TensorFlow compares its checksum; raises one of `DAMAGES` where one was changed."""
    folder, name = os.path.split(path)
    for file in names_in(folder):
        if file.startswith(f"{name}.") and file != f"{name}{NEW}" and is_irregular(os.path.join(folder, file)):
            raise ValueError(f"{file} is no regular file")
    # tf.train.load_checkpoint would first ask whether this is a folder, which not all storage answers alike.
    reader = tf.compat.v1.train.NewCheckpointReader(path)
    for key in reader.get_variable_to_shape_map():
        reader.get_tensor(key)
