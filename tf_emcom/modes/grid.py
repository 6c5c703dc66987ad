"""Checks of the grids that tests go over."""

from collections.abc import Sequence
from typing import Any

from tf_emcom.errors import UserError, require_integer, require_number


def listed(name: str, values: Any, example: str) -> Sequence[Any]:
    """The values, if they are a list with something in it; UserError, with an example, otherwise."""
    if not isinstance(values, list | tuple) or not values:
        raise UserError(f"{name} is {values!r}; bind it to a list of numbers, as in {example}.")
    return values


def probabilities(name: str, values: Sequence[float]) -> list[float]:
    """A list of noises, each once; UserError where one is no probability."""
    for value in listed(name, values, "[0.0, 0.5]"):
        require_number(name, value, 0, 1, "each is a channel's noise, a probability")
    return [float(value) for value in dict.fromkeys(values)]


def numbers_of_candidates(name: str, values: Sequence[int]) -> list[int]:
    """A list of numbers of candidates, each once; UserError where one is none."""
    for value in listed(name, values, "[16, 64]"):
        require_integer(name, value, 2, "each is a number of candidates to choose from")
    return list(dict.fromkeys(values))


def within(name: str, candidates: Sequence[int], examples: int, split: str) -> list[int]:
    """The numbers of candidates that a split has; one that is larger is skipped, and said so.

    Raises:
      UserError: all of them are larger.
    """
    for count in candidates:
        if count > examples:
            print(f"Skipped {count} candidates: the {split} split has {examples} examples.")
    counts = [count for count in candidates if count <= examples]
    if not counts:
        raise UserError(
            f"Every number of candidates in {list(candidates)} is larger than the {split} split, which has {examples}"
            f" examples; bind {name} to smaller ones."
        )
    return counts
