"""What commands write where --json says."""

import json
from typing import Any

import tensorflow as tf

from tf_emcom.errors import UserError


def write_json(path: str, content: Any) -> None:  # noqa: ANN401 whatever JSON can hold
    """Writes content as JSON, to be read by people, too; UserError where the file cannot be written."""
    try:
        with tf.io.gfile.GFile(path, "w") as file:
            file.write(json.dumps(content, indent=2) + "\n")
    except (OSError, tf.errors.OpError) as error:
        reason = (str(error).splitlines() or ["no reason given"])[0]
        raise UserError(f"--json is {path}, which cannot be written ({reason}); name another file.") from error
