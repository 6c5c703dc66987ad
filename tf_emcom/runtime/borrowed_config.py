"""Building something as another run's configuration says."""

import contextlib
from collections.abc import Iterator

import gin

from tf_emcom.runtime import config


@contextlib.contextmanager
def borrowed(gin_file: str) -> Iterator[None]:
    """Within it, components are built as `gin_file` says; behind it, as before, and nothing of it counts as used.

    The file lies in another run's folder, so it may do only what `trust` lets it.

    Raises:
      UserError: the file is missing, or a name or value in it is not known.
    """
    tables = (gin.config._CONFIG, gin.config._OPERATIVE_CONFIG, gin.config._SINGLETONS)
    kept = [dict(table) for table in tables]
    imports = set(gin.config._IMPORTS)
    try:
        # Whatever scope it is called in belongs to the other configuration.
        with gin.config_scope(None):
            config.load([gin_file], [], comes_with_run=True)
            yield
    finally:
        gin.clear_config()
        for table, values in zip(tables, kept, strict=True):
            table.update(values)
        gin.config._IMPORTS.update(imports)
