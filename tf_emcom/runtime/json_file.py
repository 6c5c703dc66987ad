"""What commands write where --json says."""

import json
from typing import Any

from tf_emcom.errors import UserError


def write_json(path: str, content: Any) -> None:  # noqa: ANN401 whatever JSON can hold
    """Writes content as JSON, to be read by people, too; UserError where the file cannot be written."""
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(json.dumps(content, indent=2) + "\n")
    except OSError as error:
        raise UserError(f"--json is {path}, which cannot be written ({error.strerror}); name another file.") from error
