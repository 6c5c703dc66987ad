"""How far encoding is."""

import sys
from typing import Self

import tqdm


class EncodingProgress:
    """How many images are done: a bar on a terminal, a line after each file elsewhere."""

    def __init__(self, done: int, total: int) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._bar = tqdm.tqdm(
            total=total, initial=done, unit="image", dynamic_ncols=True, disable=not self._is_terminal
        )
        self._done, self._total = done, total

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def advance(self, images: int, ends_file: bool) -> None:
        """So many more images are done, and perhaps a file with them."""
        self._done += images
        self._bar.update(images)
        if ends_file and not self._is_terminal:
            print(f"{self._done:,} of {self._total:,} images", flush=True)
