"""Writing a figure."""

import io

from matplotlib.figure import Figure

from tf_emcom.files import write_whole


def write_png(figure: Figure, path: str) -> None:
    """Writes a figure, also to cloud storage; the same figure gives the same bytes.

    Raises:
      UserError: it cannot be written there.
    """
    buffer = io.BytesIO()
    # Without its name and version in the file, which matplotlib would leave there.
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    write_whole(path, buffer.getvalue())
