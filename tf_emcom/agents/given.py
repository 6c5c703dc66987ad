"""What agents are given in Python: lists for arrays, and the mistakes that shapes and symbols show."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_emcom.errors import UserError


def depth(given: Any) -> int | None:
    """How many axes an array, a tensor or nested lists have; None where nothing is known."""
    shape = getattr(given, "shape", None)
    if shape is not None:
        return len(shape)
    return 1 + (depth(given[0]) or 0) if isinstance(given, list | tuple) and given else 0


def require_keras_file(path: Any) -> None:
    """UserError where an agent is to be saved in Keras' former format, which holds no models of other people's code."""
    if str(path).endswith((".h5", ".hdf5")):
        raise UserError(f"An agent cannot be saved as {path}, a file of Keras' former format; save it as NAME.keras.")


def listed_as_array(given: Any, dtype: type) -> Any:
    """An array of nested lists; anything else as it is. UserError where they are not rows of numbers."""
    if not isinstance(given, list | tuple):
        return given
    try:
        array = np.asarray(given)
    except ValueError:
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        raise UserError("What the agent was given is not made of rows of numbers, all of one length; give an array.")
    return array if array.dtype.kind == "f" and dtype is np.int32 else array.astype(dtype)


def require_features(who: str, inputs: Any, features: int | None) -> None:
    """UserError unless inputs are [N, F], with as many features as the agent was built for; None: any number."""
    shape = tuple(getattr(inputs, "shape", ()))
    if len(shape) != 2 or (features is not None and shape[1] not in (None, features)):
        wanted = "F" if features is None else features
        raise UserError(
            f"The inputs for {who} have the shape {list(shape)}, but it sees rows of features, [N, {wanted}]; give it"
            f" inputs of that shape{'' if features is None else ', or build an agent for yours'}."
        )


def require_symbols(messages: Any, vocab_size: int) -> None:
    """UserError unless messages are int [B, T], with ids in [0, V] where these are known already; V is UNK."""
    if len(getattr(messages, "shape", ())) != 2 or not tf.as_dtype(messages.dtype).is_integer:
        form = f"of shape {list(messages.shape)}" if hasattr(messages, "shape") else f"{messages!r:.80}"
        raise UserError(f"Messages are {form}; give the ids of symbols, int [B, T].")
    if isinstance(messages, keras.KerasTensor):
        return
    ids = tf.get_static_value(tf.convert_to_tensor(messages))
    if ids is not None and ids.size and not 0 <= ids.min() <= ids.max() <= vocab_size:
        raise UserError(
            f"Messages have the symbols {ids.min()} to {ids.max()}, but the listener knows 0 to {vocab_size - 1}, and"
            f" {vocab_size} for an erased one; give it messages of its vocabulary."
        )
