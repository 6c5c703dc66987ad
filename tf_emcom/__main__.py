"""Starts a command: `python -m tf_emcom train …` is `tf-emcom train …`."""

import sys
from collections.abc import Sequence

from tf_emcom.runtime import launch


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command that the arguments name; None: those of the process."""
    launch.find_libraries()
    # Its libraries may be in another environment, where the process then continues.
    from tf_emcom import commands

    commands.main(sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    main()
