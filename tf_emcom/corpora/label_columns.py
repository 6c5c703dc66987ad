"""Which labels of a data set a corpus keeps."""

from collections.abc import Sequence

import numpy as np

from tf_emcom.corpora.utterances import RESERVED
from tf_emcom.data.examples import Examples
from tf_emcom.data.source import Source
from tf_emcom.errors import UserError

_IMAGE = "image"
# Where data sets say what the classes of a label, or its columns, are called.
_NAMES = {"label": "class_names", "factors": "factor_names", "attributes": "attribute_names"}


def labels_to_load(data: Source, asked: Sequence[str] | None) -> list[str]:
    """Those asked for; None: all but images, which are not even read."""
    return [name for name in data.labels() if name != _IMAGE] if asked is None else list(asked)


def without_large(examples: Examples, asked: Sequence[str] | None, data: str) -> Examples:
    """The examples without labels of more than one number in a row and column, where nobody asked for them.

    Raises:
      UserError: a label is called as a column that every corpus has.
    """
    kept = {name: values for name, values in examples.labels.items() if asked is not None or _is_small(values)}
    for name in kept:
        if name in RESERVED:
            raise UserError(
                f"The data set {data} has a label {name!r}, which is also a column of every corpus; bind"
                " Messages.labels to the others."
            )
    return Examples(examples.inputs, kept)


def names_of(data: Source, labels: Sequence[str]) -> dict[str, list[str]]:
    """What the classes of "label", and the columns of "factors" and "attributes", are called, where the data say so."""
    found = {label: getattr(data, _NAMES[label], None) for label in labels if label in _NAMES}
    return {label: [str(name) for name in names] for label, names in found.items() if names is not None}


def _is_small(values: np.ndarray) -> bool:
    return values.ndim <= 2 and 0 not in values.shape[1:]
