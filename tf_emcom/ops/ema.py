"""Exponential moving averages."""

from collections.abc import Sequence

import keras


def follow(averages: Sequence[keras.Variable], sources: Sequence[keras.Variable], decay: float) -> None:
    """Average ← decay · average + (1 − decay) · source, variable by variable."""
    for average, source in zip(averages, sources, strict=True):
        average.assign(decay * average.value + (1.0 - decay) * source.value)
