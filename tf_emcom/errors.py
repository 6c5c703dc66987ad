"""The exception for a user's mistake, and checks that raise it."""

import difflib
import re
import sys
from collections.abc import Callable, Collection, Iterable
from types import FrameType

# Sentences from these modules are about gin files and commands, also before anything is bound.
_ABOUT_GIN = (
    *("tf_emcom.commands", "tf_emcom.cli", "tf_emcom.runtime.config", "tf_emcom.runtime.config_file"),
    "tf_emcom.runtime.early_checks",
)
# Whether gin has any bindings; the module that imports gin replaces it.
gin_has_bindings: Callable[[], bool] = lambda: False  # noqa: E731


class UserError(ValueError):
    """A mistake of the user, in one clear sentence.

    The message says what was given, what the limit is and how to fix it. Commands print it without a traceback and exit
    with status 2. In Python it is an ordinary `ValueError`, with `Erasure()` in place of gin's `@Erasure()`.
    """

    # Else Keras adds pages about arguments to an error that is raised in a layer's call.
    _keras_call_info_injected = True

    def __init__(self, sentence: str) -> None:
        """`sentence` uses gin's words: what to bind, and to which `@Component`."""
        super().__init__(sentence if _gin_is_used() else _in_python(sentence))


class PeerLost(RuntimeError):
    """Another process of the run is lost, so that this one cannot continue; the message says so in a sentence."""


def _gin_is_used() -> bool:
    if gin_has_bindings():
        return True
    frame: FrameType | None = sys._getframe()
    while frame and frame.f_globals.get("__name__") not in _ABOUT_GIN:
        frame = frame.f_back
    return frame is not None


def _in_python(sentence: str) -> str:
    """The sentence for Python: `bind core_cls to @speaker/GruCore` ↦ `set core_cls to GruCore`."""
    without_references = re.sub(r"@(?:\w+/)*(?=[A-Z])", "", sentence)
    return re.sub(r"\bbind\b", "set", without_references)


def require_integer(name: str, value: object, least: int, why: str) -> None:
    """UserError that says `why`, unless `value` is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UserError(f"{name} is {value!r}, but {why}; bind {name} to a whole number, {least} or more.")


def require_number(name: str, value: object, low: float, high: float, why: str) -> None:
    """UserError that says `why`, unless `value` is a number in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        limits = f"between {low:g} and {high:g}" if high < float("inf") else f"of {low:g} or more"
        raise UserError(f"{name} is {value!r}, but {why}; bind it to a number {limits}.")


def require_even_shares(batch_size: int, replicas: int, other: str = "") -> None:
    """UserError, which may name another fix, unless replicas can share a batch evenly."""
    if batch_size % replicas:
        raise UserError(
            f"batch_size is {batch_size}, which {replicas} replicas cannot share evenly; bind batch_size to a multiple"
            f" of {replicas}{other}."
        )


def require_labels(task: str, needed: Iterable[str], there: Collection[str], data: str, other: str) -> None:
    """UserError that suggests an `other` label or task, unless the data set `data` has the labels that a task needs."""
    have = f"its labels are {', '.join(sorted(there))}" if there else "it has no labels"
    for name in needed:
        if name not in there:
            raise UserError(
                f"The task {task} needs the label {name!r}, which the data set {data} lacks ({have}); choose another"
                f" {other}, or another data set."
            )


def nearest(name: str, known: Collection[str]) -> str:
    """Returns the known names nearest to an unknown one, for a sentence; empty if none is near."""
    by_lower = {option.lower(): option for option in sorted(known)}
    return " or ".join(by_lower[each] for each in difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.6))


def suggest(name: str, known: Collection[str]) -> str:
    """Returns the end of a sentence about an unknown name: the nearest known names, and all names if they are few."""
    near, everything = nearest(name, known), ", ".join(sorted(known))
    if not everything:
        return "there is none at all."
    if near:
        return f"did you mean {near}?" + (f" (known: {everything})" if len(known) <= 30 else "")
    return f"the known ones are {everything}."
