"""In how many bits agents compute."""

import contextlib
from collections.abc import Iterator

import keras

from tf_emcom.errors import UserError

# Keras' names. Half precision of the other kind, float16, would need gradients to be scaled.
_POLICIES = ("float32", "mixed_bfloat16")


@contextlib.contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Layers that are made within it compute so, wherever they are called; their weights are float32 in any case.

    With `mixed_bfloat16` products, activations and the states of cores are in bfloat16; logits, values and projections
    become float32 again where an agent hands them on: losses, softmax, divergence and optimisers never see less.

    Args:
      precision: "float32" or "mixed_bfloat16".

    Raises:
      UserError: it is neither.
    """
    if precision not in _POLICIES:
        raise UserError(f"precision is {precision!r}, but agents compute in one of {', '.join(_POLICIES)}; bind it so.")
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
