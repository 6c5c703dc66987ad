"""Which agents of a population play."""

from collections.abc import Sequence

from tf_emcom.errors import UserError, require_integer
from tf_emcom.trainee import Trainee


def chosen_pairs(
    agents: Trainee, speakers: Sequence[int] | None, listeners: Sequence[int] | None
) -> list[tuple[int, int]]:
    """Speaker and listener of each pair, those of one speaker beside each other.

    Args:
      agents: whose.
      speakers: which; None: those that tests test.
      listeners: which each of them plays with; None: its first one.

    Raises:
      UserError: there is no such agent, or both are of different runs.
    """
    audiences = agents.audiences()
    chosen = list(audiences) if speakers is None else _known("speakers", speakers, agents.speakers)
    if listeners is None:
        return [(i, audiences.get(i, [i if agents.independent else 0])[0]) for i in chosen]
    heard_by = _known("listeners", listeners, agents.listeners)
    if agents.independent and any([i] != heard_by for i in chosen):
        raise UserError(
            f"Messages.listeners is {heard_by}, but pairs are independent runs, in which speaker i plays with listener"
            " i only; leave it out."
        )
    return [(speaker, listener) for speaker in chosen for listener in heard_by]


def _known(name: str, numbers: object, count: int) -> list[int]:
    if not isinstance(numbers, list | tuple) or not numbers:
        raise UserError(f"Messages.{name} is {numbers!r}; bind it to a list of numbers, as in [0, 2].")
    for number in numbers:
        require_integer(f"Messages.{name}", number, 0, "agents are counted from 0")
        if number >= count:
            raise UserError(
                f"Messages.{name} is {numbers!r}, but the run has {count}; name some from 0 to {count - 1}."
            )
    return list(dict.fromkeys(numbers))
