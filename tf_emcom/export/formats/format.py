"""What every format is."""

import abc
import json
import os
import re

import tensorflow as tf

from tf_emcom import checksums, files
from tf_emcom.errors import UserError
from tf_emcom.export.contents import Contents
from tf_emcom.export.metadata import METADATA
from tf_emcom.runtime.trained_speaker import SPEAKER_CONFIG

DOCUMENTS = (METADATA, "config.gin", SPEAKER_CONFIG)
_RESULTS = r"eval/[^/]+\.jsonl|figures/[^/]+\.png|(eval|figures)/[^/]+\.new"


class Format(abc.ABC):
    """How agents are written to a folder; its name is the class's, in lower case with underscores.

    Attributes:
      texts: the folder, within that one, of configuration and metadata.
      entry: the file that readers open first: the folder is no export before it is there.
      holds: a regular expression of the paths of its files, beside its texts: a folder with others is left alone.
      loaded_by_tensorflow: whether users load it with TensorFlow, which takes some paths for patterns.
    """

    texts: str = ""
    entry: str
    holds: str
    loaded_by_tensorflow: bool = False

    @abc.abstractmethod
    def write(self, contents: Contents, folder: str) -> None:
        """Writes everything to an empty local folder."""

    def check_place(self, out: str) -> None:
        """UserError where an export to `out` could not be used, or would take the place of anything but an export.

        Results of tests of an export, which lie beside it, are a part of it.
        """
        where = out if files.is_remote(out) else os.path.abspath(out)
        if self.loaded_by_tensorflow and files.is_pattern(where):
            raise UserError(
                f"TensorFlow cannot load a SavedModel from {where}, since it reads * ? [ ] and backslash as patterns;"
                " name another folder with --out."
            )
        with files.file_errors(out, "cannot be read", "look at its rights, or name another folder with --out"):
            if tf.io.gfile.exists(out) and not tf.io.gfile.isdir(out):
                raise UserError(f"{out} is a file, but an export is a folder; name another one with --out.")
            taken = tf.io.gfile.isdir(out) and tf.io.gfile.listdir(out)
            there = {
                os.path.relpath(os.path.join(folder, name), out)
                for folder, _, names in tf.io.gfile.walk(out)
                for name in names
            }
        if taken and os.path.join(self.texts, METADATA) not in there:
            raise UserError(
                f"The folder {out} holds files but no export of this format; name another one with --out, or empty it."
            )
        for name in sorted(there):
            if not self._is_ours(name):
                raise UserError(
                    f"The folder {out} holds {name}, which is no part of an export of this format; name another folder"
                    " with --out, or move that file."
                )

    def _is_ours(self, name: str) -> bool:
        folder, document = os.path.split(name)
        # Cloud storage, and a kill, leave what was on its way under another name.
        document = document.removesuffix(".new")
        return (
            (folder == self.texts and document in DOCUMENTS)
            or os.path.join(folder, document) == checksums.FILE
            or re.fullmatch(self.holds, os.path.join(folder, document)) is not None
            or re.fullmatch(_RESULTS, name) is not None
        )


def write_texts(contents: Contents, folder: str) -> list[str]:
    """Writes the metadata and the documents to a local folder, and returns their paths."""
    texts = {METADATA: json.dumps(contents.metadata, indent=2) + "\n", **contents.documents}
    for name, text in texts.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
    return [os.path.join(folder, name) for name in texts]
