"""What every format is."""

import abc
import json
import os

from tf_emcom.export.contents import Contents
from tf_emcom.export.metadata import METADATA


class Format(abc.ABC):
    """How agents are written to a folder; its name is the class's, in lower case with underscores.

    Attributes:
      texts: the folder, within that one, of configuration and metadata.
      entry: the file that readers open first: the folder is no export before it is there.
    """

    texts: str = ""
    entry: str

    @abc.abstractmethod
    def write(self, contents: Contents, folder: str) -> None:
        """Writes everything to an empty local folder."""


def write_texts(contents: Contents, folder: str) -> list[str]:
    """Writes the metadata and the documents to a local folder, and returns their paths."""
    texts = {METADATA: json.dumps(contents.metadata, indent=2) + "\n", **contents.documents}
    for name, text in texts.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
    return [os.path.join(folder, name) for name in texts]
