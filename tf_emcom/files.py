"""Files and folders: reads small files, with one sentence about damage; writes whole files and folders, or nothing."""

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import re
import shutil
import sys
import tempfile
import uuid
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Any

import tensorflow as tf

from tf_emcom.errors import UserError

# What TensorFlow and Python raise where a file system refuses.
FILE_ERRORS = (OSError, tf.errors.OpError)

# How the names of files end that are not complete yet.
NEW = ".new"
# Folders with these endings are emptied, so nobody gives them to a folder of their own.
NEW_FOLDER, OLD_FOLDER = ".tf_emcom-new", ".tf_emcom-old"
# Path below a folder ↦ CRC-32 of every other file in it, as a line of JSON with a checksum of its own.
CHECKSUMS = "checksums.json"
_READ_BYTES = 1 << 20
_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.EIO, errno.EBADF}
_PATTERN = frozenset("*?[]\\")
_CHECKSUM, _LINES = "checksum", "lines"
_FIRST_LINE = "# checksum: "
_FIX_WRITING = "make room or get the rights to write there, then run the same command again"


def is_remote(path: str) -> bool:
    """Whether a path is on cloud storage, which has no locks, links or atomic renames."""
    return "://" in path


def is_pattern(path: str) -> bool:
    """Whether TensorFlow takes a path for a pattern, so that it finds nothing there, or something else."""
    return not _PATTERN.isdisjoint(path)


def reason(error: BaseException, longest: int = 200) -> str:
    """The first line of an error's message, without the middle where it has more than `longest` characters."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    # TensorFlow begins with the operation, and ends with the reason.
    text = re.sub(r"^\{\{.*?\}\} ", "", str(getattr(error, "message", error))).strip()
    line = (text.splitlines() or [type(error).__name__])[0]
    return line if len(line) <= longest else f"{line[: longest // 2]}…{line[-longest // 2 :]}"


@contextlib.contextmanager
def file_errors(path: str, what: str = "cannot be written", fix: str = _FIX_WRITING) -> Iterator[None]:
    """Turns what a file system refuses within it into a `UserError`: path, `what`, the reason in parentheses, `fix`."""
    try:
        yield
    except FILE_ERRORS as error:
        raise UserError(f"{path} {what} ({reason(error)}); {fix}.") from error


def names_in(folder: str) -> list[str]:
    """The sorted names in a folder, empty where there is none; no character of the path is a pattern."""
    with file_errors(folder, "cannot be read", "check its spelling and its rights"):
        if not tf.io.gfile.isdir(folder):
            return []
        # Cloud storage ends the names of folders with a slash.
        return sorted(name.rstrip("/") for name in tf.io.gfile.listdir(folder))


def is_irregular(path: str) -> bool:
    """Whether there is something else than a regular file: a pipe, on which readers wait, a link to nowhere."""
    return not is_remote(path) and os.path.lexists(path) and not os.path.isfile(path)


def read_bytes(path: str, fix: str) -> bytes:
    """The content of a small file; UserError where there is none that can be read: `fix` says what to do."""
    require_regular(path, fix)
    with file_errors(path, "cannot be read", fix), tf.io.gfile.GFile(path, "rb") as file:
        return file.read()


def require_regular(path: str, fix: str) -> None:
    """UserError where a local path is no regular file, or nothing is there; `fix` says what to do."""
    if is_irregular(path):
        raise UserError(f"{path} is no regular file; {fix}.")
    if not is_remote(path):
        with file_errors(path, "cannot be read", fix):
            os.stat(path)


def read_text(path: str, fix: str) -> str:
    """The content of a small text file in UTF-8, without a byte order mark; errors as for `read_bytes`.

    Where its first line is that of `with_checksum`, the rest has to be what was written.
    """
    try:
        text = read_bytes(path, fix).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is damaged (it is no text in UTF-8); {fix}.") from error
    if text.startswith(_FIRST_LINE) and text != with_checksum(text.partition("\n")[2]):
        raise UserError(
            f"{path} was changed after it was written: its first line holds the checksum of the rest; {fix}, or, if"
            " the change is yours, remove that line."
        )
    return text


def with_checksum(text: str) -> str:
    """A configuration below a comment with its CRC-32, by which `read_text` sees whether it was changed."""
    return f"{_FIRST_LINE}{checksum(text):08x}\n{text}"


def read_json(path: str, fix: str) -> dict[str, Any]:
    """The object in a small JSON file; errors as for `read_bytes`."""
    text = read_text(path, fix)
    try:
        return _json_object(text)
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); {fix}.") from error


def _json_object(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {reason(error)}") from error
    if not isinstance(content, dict):
        raise ValueError("it holds no JSON object")
    return content


def checksum(content: str | bytes | memoryview, before: int = 0) -> int:
    """CRC-32 of bytes, or of a text in UTF-8; `before` is that of the content in front of it."""
    return zlib.crc32(content.encode() if isinstance(content, str) else content, before)


def json_checksum(content: Any) -> int:
    """CRC-32 of what JSON can hold, whatever the order of its keys."""
    return checksum(json.dumps(content, sort_keys=True))


def read_json_lines(path: str, fix: str) -> list[dict[str, Any]]:
    """The rows of a file of `json_lines` or `whole_json_lines`; errors as `read_bytes`, or where lines are missing."""
    found = []
    for i, line in enumerate(read_text(path, fix).splitlines(), 1):
        try:
            found.append(row_of(line))
        except ValueError as error:
            raise UserError(f"{path}, line {i}, is damaged ({reason(error)}); {fix}.") from error
    if missing := missing_lines(found):
        raise UserError(f"{path} is damaged ({missing} of its {missing + len(found)} lines are missing); {fix}.")
    return found


def json_lines(rows: Iterable[dict[str, Any]]) -> str:
    """Text of one JSON object a line, whose last key is the CRC-32 of the others as JSON."""
    return "".join(json.dumps({**row, _CHECKSUM: checksum(json.dumps(row))}) + "\n" for row in rows)


def whole_json_lines(rows: Iterable[dict[str, Any]]) -> str:
    """As `json_lines`, for a file that is written at once: every line says how many there are."""
    rows = list(rows)
    return json_lines({**row, _LINES: len(rows)} for row in rows)


def missing_lines(rows: list[dict[str, Any]]) -> int:
    """How many lines of `whole_json_lines` are missing; takes the number of lines out of the rows."""
    written = [row.pop(_LINES, 0) for row in rows]
    return max(0, max((n for n in written if isinstance(n, int)), default=0) - len(rows))


def row_of(line: str) -> dict[str, Any]:
    """The object in a line of `json_lines`, or of JSON without a checksum; ValueError where it is damaged."""
    row = _json_object(line)
    if row.pop(_CHECKSUM, None) not in (None, found := checksum(json.dumps(row))):
        raise ValueError(f"its checksum is {found} now, and another one was written")
    return row


def write_whole(path: str, content: str | bytes) -> None:
    """Writes a small file as a whole: readers find the old content or the new one, also after a kill.

    Leftovers of killed processes beside it are removed. Cloud storage, which cannot rename, replaces the whole object.
    UserError where it cannot be written; the old content is still there.
    """
    data = content.encode() if isinstance(content, str) else content
    with file_errors(path):
        if is_remote(path):
            with tf.io.gfile.GFile(new := f"{path}{NEW}", "wb") as file:
                file.write(data)
            tf.io.gfile.rename(new, path, overwrite=True)
            return
        clear_unfinished(os.path.dirname(path) or ".", f"{os.path.basename(path)}.")
        new = f"{path}.{uuid.uuid4().hex[:8]}{NEW}"
        try:
            with open(new, "xb") as file:
                # Held until the rename, so that no other process takes it for the leftover of a killed one.
                try_lock(file)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                os.replace(new, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.remove(new)
            raise


@contextlib.contextmanager
def replacing(path: str, fix: str = _FIX_WRITING) -> Iterator[str]:
    """Within it, another path in the same folder to write a file to; after it, that file is at `path`.

    Where writing fails, the old file stays. The name of the other path is random, with nothing of the file's name.
    """
    new = os.path.join(os.path.dirname(path), f"{uuid.uuid4().hex[:8]}{NEW}")
    try:
        yield new
        with file_errors(path, fix=fix):
            tf.io.gfile.rename(new, path, overwrite=True)
    except BaseException:
        with contextlib.suppress(*FILE_ERRORS):
            tf.io.gfile.remove(new)
        raise


def clear_unfinished(folder: str, prefix: str = "") -> None:
    """Removes files that `write_whole` did not finish before a kill, of names with that prefix, where that works."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if name.startswith(prefix) and name.endswith(NEW) and os.path.isfile(path):
                with contextlib.suppress(OSError), open(path, "rb") as file:
                    if try_lock(file):  # No living process writes it.
                        os.remove(path)


def try_lock(file: IO[Any] | int) -> bool | None:
    """Locks an open file, or a folder's descriptor, until it is closed.

    Returns True, False where another process has locked it, or None where the file system has no locks.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return None
    return True


def lock(path: str, busy: str, wait: bool = False) -> IO[str]:
    """Makes and locks a local file until it is closed or the process ends; a note where the file system has no locks.

    Where another process has it, `busy` is raised as a `UserError`, or printed, to `wait` for the other.
    """
    with file_errors(path):
        if is_irregular(path):
            raise OSError(errno.EINVAL, "it is no regular file")
        file = open(path, "w")
        locked = try_lock(file)
        if locked is False and wait:
            print(busy, flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
            locked = True
    if locked is False:
        file.close()
        raise UserError(busy)
    if locked is None:
        print(f"Note: the file system of {path} has no locks; let no second process write there.", file=sys.stderr)
    return file


@contextlib.contextmanager
def without_pattern(path: str) -> Iterator[str]:
    """Within it, another path to the same local folder, none of whose characters TensorFlow reads as a pattern.

    TensorFlow cannot restore from a path with one of `*?[]` or a backslash, and deletes other files beside it.
    UserError where a link to such a path cannot be made.
    """
    if is_remote(path) or not is_pattern(path):
        yield path
        return
    fix = "name a folder without any of * ? [ ] and backslash in its path"
    with contextlib.ExitStack() as stack:
        with file_errors(path, "cannot be reached under another name", fix):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tf_emcom-", ignore_cleanup_errors=True))
            link = os.path.join(folder, "link")
            os.symlink(os.path.abspath(path), link)
        if is_pattern(folder):
            raise UserError(f"{path} and the folder for temporary files, {folder}, hold patterns; {fix}.")
        yield link


@contextlib.contextmanager
def whole_folder(path: str) -> Iterator[str]:
    """Within it, an empty folder to fill; after it, that folder is at `path`, in place of the old one.

    A kill leaves the old folder or the new one at `path`; the next call removes its other leftovers. A link to a folder
    stays, and its folder is replaced. UserError where it cannot be written, or another process is writing it; the old
    folder is still there.
    """
    path = path.rstrip("/")
    if os.path.islink(path):
        link, path = path, os.path.realpath(path)
        if not os.path.isdir(path):
            raise UserError(f"{link} is a link to {path}, where no folder is; remove it, or name another folder.")
    new = path + NEW_FOLDER
    with file_errors(path):
        restore_folder(path)
        os.makedirs(new, exist_ok=True)
        held = os.open(new, os.O_RDONLY | os.O_DIRECTORY)
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, held)
        if try_lock(held) is False:
            raise UserError(f"Another process is writing {path}; wait until it ends, or name another folder.")
        stack.callback(shutil.rmtree, new, ignore_errors=True)
        with file_errors(path):
            for entry in os.scandir(new):
                (shutil.rmtree if entry.is_dir(follow_symlinks=False) else os.remove)(entry.path)
            yield new
            _exchange(new, path)


def restore_folder(path: str) -> None:
    """Puts back the folder that a kill in `whole_folder` left under another name; removes it where it was replaced."""
    old = path.rstrip("/") + OLD_FOLDER
    if os.path.isdir(old):
        if os.path.lexists(path):
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.rename(old, path)


def _exchange(new: str, path: str) -> None:
    if not os.path.lexists(path):
        os.rename(new, path)
        return
    function = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    if function is not None and function(here, os.fsencode(new), here, os.fsencode(path), exchange) == 0:
        return
    old = path + OLD_FOLDER
    os.rename(path, old)
    os.rename(new, path)
    shutil.rmtree(old, ignore_errors=True)


def file_checksum(path: str) -> str:
    """CRC-32 of a file's content, as eight hexadecimal digits; one of `FILE_ERRORS` where it cannot be read."""
    found = 0
    with tf.io.gfile.GFile(path, "rb") as file:
        while block := file.read(_READ_BYTES):
            found = checksum(block, found)
    return f"{found:08x}"


def folder_checksums(folder: str, without: str = CHECKSUMS) -> dict[str, str]:
    """Path below the folder ↦ CRC-32, of every file except the one at the path `without`."""
    paths = [os.path.join(where, name) for where, _, names in tf.io.gfile.walk(folder) for name in names]
    named = sorted((os.path.relpath(path, folder), path) for path in paths)
    return {name: file_checksum(path) for name, path in named if name != without}


def write_checksums(folder: str) -> None:
    """Writes `checksums.json` about all other files in a folder."""
    write_whole(os.path.join(folder, CHECKSUMS), whole_json_lines([folder_checksums(folder)]))


def require_unchanged(folder: str, fix: str) -> None:
    """UserError where a file is not as its folder's `checksums.json` says; older folders have none, and pass."""
    path = os.path.join(folder, CHECKSUMS)
    listed = read_json_lines(path, fix) if tf.io.gfile.exists(path) else [{}]
    if not listed:
        raise UserError(f"{path} is empty; {fix}.")
    for name, written in listed[0].items():
        path = os.path.join(folder, name)
        require_regular(path, fix)
        with file_errors(path, "cannot be read", fix):
            found = file_checksum(path)
        if found != written:
            raise UserError(f"{path} is damaged (its checksum is {found}, and {written} was written); {fix}.")
