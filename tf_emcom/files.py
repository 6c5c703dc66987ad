"""Files and folders: reads small files with one sentence where they are damaged, writes whole ones or none."""

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

_NEW = ".new"
# Of folders: names that nobody gives to a folder of their own, since what has them is emptied.
NEW_FOLDER, OLD_FOLDER = ".tf_emcom-new", ".tf_emcom-old"
_LONGEST = 200
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
    return bool(_PATTERN & set(path))


def reason(error: BaseException) -> str:
    """The first line of what an error says; the middle of a long one is left out."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    # TensorFlow begins with the operation, and ends with the reason.
    text = re.sub(r"^\{\{.*?\}\} ", "", str(getattr(error, "message", error)))
    line = (text.splitlines() or [type(error).__name__])[0]
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST // 2]}…{line[-_LONGEST // 2 :]}"


@contextlib.contextmanager
def file_errors(path: str, what: str = "cannot be written", fix: str = _FIX_WRITING) -> Iterator[None]:
    """Turns what a file system refuses within it into a `UserError`: path, `what`, the reason in parentheses, `fix`."""
    try:
        yield
    except FILE_ERRORS as error:
        raise UserError(f"{path} {what} ({reason(error)}); {fix}.") from error


def names_in(folder: str) -> list[str]:
    """The sorted names in a folder, empty where there is none; no character of the path is a pattern.

    Raises:
      UserError: the folder cannot be read.
    """
    with file_errors(folder, "cannot be read", "check its spelling and its rights"):
        if not tf.io.gfile.isdir(folder):
            return []
        # Cloud storage ends the names of folders with a slash.
        return sorted(name.rstrip("/") for name in tf.io.gfile.listdir(folder))


def is_irregular(path: str) -> bool:
    """Whether there is something else than a regular file: a pipe, which would be read for ever, a link to nowhere."""
    return not is_remote(path) and os.path.lexists(path) and not os.path.isfile(path)


def read_bytes(path: str, fix: str) -> bytes:
    """The content of a small file.

    Raises:
      UserError: there is none, it is no regular file, or it cannot be read; `fix` says what to do.
    """
    require_regular(path, fix)
    with file_errors(path, "cannot be read", fix), tf.io.gfile.GFile(path, "rb") as file:
        return file.read()


def require_regular(path: str, fix: str) -> None:
    """UserError where a local path is no regular file: reading a pipe would wait for ever; `fix` says what to do."""
    if is_remote(path):
        return
    if is_irregular(path):
        raise UserError(f"{path} is no regular file; {fix}.")
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
    """A configuration below a comment that holds its CRC-32, by which `read_text` sees whether it was changed."""
    return f"{_FIRST_LINE}{zlib.crc32(text.encode()):08x}\n{text}"


def read_json(path: str, fix: str, kind: type = dict) -> Any:
    """The content of a small JSON file, which is a `kind`; errors as for `read_bytes`."""
    return _parsed(read_text(path, fix), path, fix, kind)


def read_json_lines(path: str, fix: str) -> list[dict[str, Any]]:
    """The content of a file with one JSON object a line, as `json_lines` or `whole_json_lines` writes it.

    Errors as for `read_bytes`; also where lines are missing.
    """
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
    return "".join(json.dumps({**row, _CHECKSUM: _checksum_of(row)}) + "\n" for row in rows)


def whole_json_lines(rows: Iterable[dict[str, Any]]) -> str:
    """As `json_lines`, for a file that is written at once: every line says how many there are."""
    rows = list(rows)
    return json_lines({**row, _LINES: len(rows)} for row in rows)


def missing_lines(rows: list[dict[str, Any]]) -> int:
    """How many lines of `whole_json_lines` there are no longer; takes what says so out of the rows."""
    written = [row.pop(_LINES, 0) for row in rows]
    return max(0, max((n for n in written if isinstance(n, int)), default=0) - len(rows))


def row_of(line: str) -> dict[str, Any]:
    """The object in a line of `json_lines`, or in a line of anybody's that has no checksum.

    Raises:
      ValueError: it is no JSON object, or not the one that was written.
    """
    try:
        row = json.loads(line)
    except RecursionError as error:
        raise ValueError("it is no JSON: too many brackets") from error
    if not isinstance(row, dict):
        raise ValueError("it holds no JSON object")
    if row.pop(_CHECKSUM, None) not in (None, found := _checksum_of(row)):
        raise ValueError(f"its checksum is {found} now, and another one was written")
    return row


def write_whole(path: str, content: str | bytes) -> None:
    """Writes a small file: readers, and a kill, find the old content or the new one.

    What killed processes left beside it is removed. Cloud storage, which cannot rename, replaces the whole object.

    Raises:
      UserError: it cannot be written; the old content is still there.
    """
    data = content.encode() if isinstance(content, str) else content
    with file_errors(path):
        if is_remote(path):
            new = f"{path}{_NEW}"
            with tf.io.gfile.GFile(new, "wb") as file:
                file.write(data)
            tf.io.gfile.rename(new, path, overwrite=True)
            return
        clear_unfinished(os.path.dirname(path) or ".", f"{os.path.basename(path)}.")
        new = f"{path}.{uuid.uuid4().hex[:8]}{_NEW}"
        try:
            with open(new, "xb") as file:
                # Held until the rename, so that nobody takes it for what a killed process left.
                try_lock(file)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                os.replace(new, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.remove(new)
            raise


def clear_unfinished(folder: str, prefix: str = "") -> None:
    """Removes files that killed processes left half written by `write_whole`; only names with that prefix.

    A file that a living process writes is locked and stays. Nothing happens where the folder cannot be read.
    """
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            if name.startswith(prefix) and name.endswith(_NEW) and os.path.isfile(path):
                with contextlib.suppress(OSError), open(path, "rb") as file:
                    if try_lock(file):
                        os.remove(path)


def try_lock(file: IO[Any] | int) -> bool | None:
    """Locks an open file, or a folder's descriptor, until it is closed.

    Returns:
      True: it is locked; False: another process has it; None: the file system has no locks.
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
    """Makes and locks a file, until what is returned is closed or the process ends, however it ends.

    Where the file system has no locks (some network file systems), it warns once and goes on.

    Args:
      path: of the lock, on a local disk.
      busy: a sentence for when another process has it.
      wait: whether to print `busy` then and wait, in place of raising it.

    Raises:
      UserError: another process has it, or it cannot be made.
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

    TensorFlow cannot restore from, and deletes beside, a path with one of `*?[]` or a backslash.

    Raises:
      UserError: the path has one, and no link to it can be made.
    """
    if is_remote(path) or not is_pattern(path):
        yield path
        return
    fix = "name a folder without any of * ? [ ] and backslash in its path"
    with file_errors(path, "cannot be reached under another name", fix):
        folder = tempfile.mkdtemp(prefix="tf_emcom-")
    try:
        if is_pattern(folder):
            raise UserError(f"{path} and the folder for temporary files, {folder}, hold patterns; {fix}.")
        link = os.path.join(folder, "link")
        with file_errors(path, "cannot be reached under another name", fix):
            os.symlink(os.path.abspath(path), link)
        yield link
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def whole_folder(path: str) -> Iterator[str]:
    """Within it, an empty folder to fill; behind it, that folder is at `path`, in place of what was there.

    A kill at any moment leaves the old folder or the new one at `path`; what else it leaves, the next call removes.
    A link to a folder stays, and its folder is replaced.

    Raises:
      UserError: another process is writing it, or it cannot be written; what was there is still there then.
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
    try:
        if try_lock(held) is False:
            raise UserError(f"Another process is writing {path}; wait until it ends, or name another folder.")
        try:
            with file_errors(path):
                _empty(new)
                yield new
                _exchange(new, path)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    finally:
        os.close(held)


def restore_folder(path: str) -> None:
    """Puts a folder back that a kill in `whole_folder` left under its other name; removes what it replaced."""
    old = path.rstrip("/") + OLD_FOLDER
    if os.path.isdir(old):
        if os.path.lexists(path):
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.rename(old, path)


def _exchange(new: str, path: str) -> None:
    """Puts `new` at `path`, at once where the system can exchange two folders; what was there goes."""
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


def _empty(folder: str) -> None:
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.remove(entry.path)


def _checksum_of(row: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(row).encode())


def _parsed(text: str, where: str, fix: str, kind: type) -> Any:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is damaged (it is no JSON: {reason(error)}); {fix}.") from error
    if not isinstance(content, kind):
        raise UserError(f"{where} is damaged (it holds no JSON {_JSON_NAMES[kind]}); {fix}.")
    return content


_JSON_NAMES = {dict: "object", list: "array", str: "string", int: "number", float: "number"}
