"""What commands write where --json says."""

import json
import os
from typing import Any

import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.files import FILE_ERRORS, file_errors, is_irregular, is_remote, reason, write_whole

_FIX = "name another file with --json"


def require_writable(path: str) -> None:
    """Raises a `UserError` where a local file cannot be written, before hours are spent on what goes there."""
    if is_remote(path):
        return
    is_new = not os.path.lexists(path)
    with file_errors(path, fix=_FIX):
        # A pipe that nobody reads would wait for ever.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK, 0o666))
        if is_new:
            os.remove(path)


def write_json(path: str | os.PathLike[str], content: Any) -> None:  # noqa: ANN401 whatever JSON can hold
    """Writes content as JSON, to be read by people, too; UserError where the file cannot be written."""
    path, text = os.fspath(path), json.dumps(content, indent=2) + "\n"
    try:
        if is_irregular(path):
            # Such as /dev/stdout, which cannot be replaced.
            with tf.io.gfile.GFile(path, "w") as file:
                file.write(text)
        else:
            write_whole(path, text)
    except (UserError, *FILE_ERRORS) as error:
        why = reason(error.__cause__ or error)
        raise UserError(f"--json is {path}, which cannot be written ({why}); name another file.") from error
