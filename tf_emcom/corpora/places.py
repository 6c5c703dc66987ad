"""Where corpora lie, and what may be replaced by one."""

import os
import re

from tf_emcom import files
from tf_emcom.corpora import formats, manifest
from tf_emcom.corpora.formats.corpus_format import CorpusFormat
from tf_emcom.corpora.manifest import Manifest
from tf_emcom.errors import UserError
from tf_emcom.runtime.plug_ins import plug_ins

ANALYSIS = "analysis.jsonl"


def unfinished(path: str) -> str:
    """Where the corpus that will be at `path` lies until it is complete."""
    return path + files.NEW_FOLDER


def standing(path: str) -> str:
    """Where the corpus of `path` is: elsewhere only if a kill came while it was replaced."""
    old = path + files.OLD_FOLDER
    return old if os.path.isdir(old) and not os.path.lexists(path) else path


def older_manifest(path: str) -> Manifest | None:
    """The description of the corpus that is at `path`; None where none is, or its description is damaged."""
    folder = standing(path)
    if not os.path.isfile(os.path.join(folder, manifest.FILE)):
        return None
    try:
        return Manifest.read(folder)
    except UserError:
        return None


def require_free(path: str) -> None:
    """Raises a UserError where a corpus at `path` would take the place of anything but a corpus."""
    if files.is_remote(path):
        raise UserError(f"A corpus cannot be written to {path}, only to a local disk; give another --out.")
    if not os.path.lexists(path):
        return
    with files.file_errors(path, "cannot be read", "look at its rights, or give another --out"):
        there = _files(path) if os.path.isdir(path) else [""]
        is_empty = os.path.isdir(path) and not os.listdir(path)
    if not is_empty and manifest.FILE not in there:
        raise UserError(f"{path} is there already and is no corpus, so it is left alone; give another --out.")
    ours = "|".join(form.holds for form in plug_ins(formats, CorpusFormat).values())
    for name in there:
        # A kill leaves what was being written under another name.
        if not re.fullmatch(rf"({re.escape(manifest.FILE)}|{ANALYSIS}|{ours})(\..+\.new)?", name):
            raise UserError(
                f"The folder {path} holds {name}, which is no part of a corpus; move that file, or give another --out."
            )


def _files(path: str) -> list[str]:
    return sorted(
        os.path.relpath(os.path.join(folder, name), path) for folder, _, names in os.walk(path) for name in names
    )
