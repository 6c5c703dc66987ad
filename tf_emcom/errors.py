"""The one exception that a user's mistake raises."""

from collections.abc import Collection, Iterable


class UserError(ValueError):
    """A mistake of the user, told in one clear sentence.

    The message says what was given, what the limit is and how to mend it. The commands print it without a traceback and
    exit with status 2; in Python it is an ordinary `ValueError`.
    """


def require_integer(name: str, value: object, least: int, why: str) -> None:
    """Raises a `UserError` that says `why`, unless `value` is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UserError(f"{name} is {value!r}, but {why}; bind {name} to a whole number, {least} or more.")


def require_instance(name: str, value: object, kind: type, example: str) -> None:
    """Raises a `UserError` that gives an example, unless `value` is an object of the class `kind`."""
    if isinstance(value, kind):
        return
    given = f"the class {value.__name__}" if isinstance(value, type) else f"{value!r:.80}"
    raise UserError(
        f"{name} is {given}, but it has to be an object of a {kind.__name__}; bind it to one, as in {example}, with the"
        " parentheses."
    )


def require_number(name: str, value: object, low: float, high: float, why: str) -> None:
    """Raises a `UserError` that says `why`, unless `value` is a number in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        limits = f"between {low:g} and {high:g}" if high < float("inf") else f"of {low:g} or more"
        raise UserError(f"{name} is {value!r}, but {why}; bind it to a number {limits}.")


def require_even_shares(batch_size: int, replicas: int, other: str = "") -> None:
    """Raises a `UserError`, which may name another way out, unless replicas can share a batch evenly."""
    if batch_size % replicas:
        raise UserError(
            f"batch_size is {batch_size}, which {replicas} replicas cannot share evenly; bind batch_size to a multiple"
            f" of {replicas}{other}."
        )


def require_labels(task: str, needed: Iterable[str], there: Collection[str], data: str, other: str) -> None:
    """Raises a `UserError` that offers an `other` label or task, unless the data set `data` has what a task needs."""
    have = f"its labels are {', '.join(sorted(there))}" if there else "it has no labels"
    for name in needed:
        if name not in there:
            raise UserError(
                f"The task {task} needs the label {name!r}, which the data set {data} lacks ({have}); choose another"
                f" {other}, or another data set."
            )
