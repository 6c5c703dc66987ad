"""What commands write where --json says."""

import json
from typing import Any

import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.files import FILE_ERRORS, is_irregular, reason, write_whole


def write_json(path: str, content: Any) -> None:  # noqa: ANN401 whatever JSON can hold
    """Writes content as JSON, to be read by people, too; UserError where the file cannot be written."""
    text = json.dumps(content, indent=2) + "\n"
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
