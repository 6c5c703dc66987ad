"""Whether a command is about the run that lies in a folder."""

from collections.abc import Collection

from tf_emcom.errors import UserError
from tf_emcom.runtime import catalogue, config_diff
from tf_emcom.runtime.placement import strategies
from tf_emcom.runtime.run_folder import RunFolder

# Where the data and their cache lie, where a transfer run's speaker lies, and what the command does with them.
_FREE_ALWAYS = ("mode", "ByolFolder.data_dir", "ByolFolder.cache_dir", "TrainedSpeaker.run")


def refuse_another(run: RunFolder, stored: str, current: str, free: Collection[str]) -> None:
    """Raises a UserError where two configurations differ in more than what does not matter.

    Args:
      run: the folder of the stored one.
      stored: its text.
      current: the text of this command's.
      free: macros and components that may differ; where there are any, so may what only one text binds.
    """
    placed = {cls.__name__ for cls in strategies().values()}
    ignored = (*_FREE_ALWAYS, *run.bindings)
    differing = [
        difference
        for difference in config_diff.differences(stored, current, ignored, only_common=bool(free))
        if not {*free, *placed} & {component(difference)}
    ]
    if differing:
        more = f" and {len(differing) - 3} more" if len(differing) > 3 else ""
        raise UserError(
            f"The run in {run.path} has another configuration ({'; '.join(differing[:3])}{more}); name another"
            " --workdir, or give the command it was started with."
        )


def component(difference: str) -> str:
    """The macro or the component that a difference, `scope/Component.parameter = …`, is about."""
    return difference.split(" = ")[0].rpartition("/")[2].partition(".")[0]


def free_in_tests(mode: str) -> frozenset[str]:
    """What may differ between a run and its test, the component `mode`: how it was trained, and how it is tested."""
    rooms = ("actions", "losses", "optimizers", "policies", "rewards", "schedules")
    trained_by = {name for room in rooms for name in catalogue.names_in(room)}
    return frozenset({mode, "Train", "checkpoint", "steps", "noise", *trained_by})
