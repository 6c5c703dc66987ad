"""The types in which labels are in memory and in the cache: whole numbers keep all of their digits."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tf_emcom.data import tfds_records
from tf_emcom.errors import UserError

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

_WIDE = frozenset((tf.int64, tf.uint64, tf.uint32))


def type_of(feature: "tfds.features.FeatureConnector") -> np.dtype:
    """What a feature, or one made of named parts, becomes.

    Returns:
      object for texts, float32 for floats, uint8 for images [height, width, channels]; int64 for whole numbers that are
      declared with more bits than int32 has, int32 for others, for booleans and for classes.
    """
    import tensorflow_datasets as tfds  # slow to import, so only where it is used

    infos = tfds_records.leaves(feature)
    dtypes = [info.tf_dtype for info in infos]
    if tf.string in dtypes:
        return np.dtype(object)
    if any(dtype.is_floating for dtype in dtypes):
        return np.dtype(np.float32)
    if dtypes == [tf.uint8] and len(infos[0].shape) == 3:
        return np.dtype(np.uint8)
    # TFDS declares classes as int64, whose number would fit into 32 bits a thousand times.
    is_class = isinstance(feature, tfds.features.ClassLabel)
    return np.dtype(np.int64 if not is_class and _WIDE & set(dtypes) else np.int32)


def typed(values: np.ndarray, dtype: np.dtype, where: str, unsigned: bool = False) -> np.ndarray:
    """Values as `type_of` says.

    Args:
      values: of any type.
      dtype: the type that they become.
      where: which feature of which split, the beginning of a sentence.
      unsigned: whether negative numbers stand for those from 2 ** 63 on, as a TFRecord has them.

    Raises:
      UserError: a whole number is too large for the type.
    """
    if dtype.kind != "i" or values.dtype == bool:
        return values if dtype.hasobject else values.astype(dtype, copy=False)
    limits = np.iinfo(dtype)
    # A TFRecord has no uint64, only its bits.
    wide = values.astype(np.int64, copy=False)
    if unsigned and wide.size and wide.min() < 0:
        raise UserError(f"{where} has numbers from 2 ** 63 on, more than 64 bits with a sign hold; number it anew.")
    if wide.size and (wide.min() < limits.min or wide.max() > limits.max):
        raise UserError(
            f"{where} has the number {wide.max() if wide.max() > limits.max else wide.min()}, but is declared as a type"
            f" that {dtype.name} can hold; prepare it with the type int64."
        )
    return wide.astype(dtype, copy=False)


def is_unsigned(feature: "tfds.features.FeatureConnector") -> bool:
    """Whether a feature is declared as uint64."""
    return any(info.tf_dtype == tf.uint64 for info in tfds_records.leaves(feature))


def require_vectors(feature: "tfds.features.FeatureConnector", name: str, folder: str) -> int:
    """F of the inputs; UserError where they are no vectors of numbers of one length."""
    infos = tfds_records.leaves(feature)
    if len(infos) == 1:
        shape, dtype = infos[0].shape, infos[0].tf_dtype
        if len(shape) == 1 and shape[0] and (dtype.is_floating or dtype.is_integer):
            return shape[0]
        found = f"the shape {shape} an example and the type {dtype.name}"
    else:
        found = f"{len(infos)} named parts"
    raise UserError(
        f"{name!r} has {found} in {folder}, but agents see vectors of numbers of one length: prepare it as float32 [F]."
    )


def fitting(shapes: dict[str, Sequence[int]], batch: dict[str, np.ndarray], where: str) -> None:
    """Notes the shape of each feature's examples in the first batch; UserError where another batch has another one."""
    for name, values in batch.items():
        if not isinstance(values, np.ndarray) or shapes.setdefault(name, values.shape[1:]) != values.shape[1:]:
            raise UserError(varying(name, where))


def varying(names: str, where: str) -> str:
    """What is to be said of features whose examples differ in shape."""
    return (
        f"Examples of {names!r} in {where} differ in shape, but a label has one shape: bind ByolFolder.image_side to"
        " resize images, load other labels only, or prepare it with one shape."
    )
