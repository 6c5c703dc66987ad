"""Writing a figure."""

import io

import tensorflow as tf
from matplotlib.figure import Figure

from tf_emcom.errors import UserError


def write_png(figure: Figure, path: str) -> None:
    """Writes a figure, also to cloud storage; the same figure gives the same bytes.

    Raises:
      UserError: it cannot be written there.
    """
    buffer = io.BytesIO()
    # Without its name and version in the file, which matplotlib would leave there.
    figure.savefig(buffer, format="png", dpi=120, metadata={"Software": None})
    try:
        # Readers, and a kill, find either the old picture or the new one.
        with tf.io.gfile.GFile(path + ".new", "wb") as file:
            file.write(buffer.getvalue())
        tf.io.gfile.rename(path + ".new", path, overwrite=True)
    except (OSError, tf.errors.OpError) as error:
        reason = str(getattr(error, "message", error)).splitlines()[0]
        raise UserError(
            f"The picture {path} cannot be written ({reason}); mend that, or use another --workdir."
        ) from error
