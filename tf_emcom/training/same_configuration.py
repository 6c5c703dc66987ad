"""Whether a command is about the run that lies in a folder."""

import re
from collections.abc import Collection

from tf_emcom.errors import UserError
from tf_emcom.games.losses import Loss
from tf_emcom.games.policies import ListenerPolicy
from tf_emcom.games.rewards import Reward
from tf_emcom.runtime import catalogue, config_diff, gin_tables
from tf_emcom.runtime.placement import strategies
from tf_emcom.runtime.run_folder import RunFolder
from tf_emcom.schedules import Schedule
from tf_emcom.training.actions.action import Action
from tf_emcom.training.optimizers import Optimizer

# Where the data and their cache lie, where a transfer run's speaker lies, and what the command does with them.
_FREE_ALWAYS = ("mode", "ByolFolder.data_dir", "ByolFolder.cache_dir", "TrainedSpeaker.run", "TrainedSpeaker.which")


def refuse_another(run: RunFolder, stored: str, current: str, free: Collection[str]) -> bool:
    """UserError where this command's configuration differs from the stored one in a setting that affects the run.

    Where a run is trained on, the number of steps may grow. Macros and components in `free` may differ; where there are
    any, so may what only one text binds.

    Returns:
      Whether this command makes the run longer.
    """
    placed = {cls.__name__ for cls in strategies().values()}
    there, here = config_diff.values(stored, "stored"), config_diff.values(current, "current")
    ignored = (*_FREE_ALWAYS, *run.bindings, *_since_then(there, here))
    differing = [
        difference
        for difference in config_diff.differences(stored, current, ignored, only_common=bool(free))
        if not {*free, *placed} & {component(difference)}
    ]
    if differing and not free and _only_grows(there, here, differing):
        _require_longer(run, there, here)
        return True
    if differing:
        more = f" and {len(differing) - 3} more" if len(differing) > 3 else ""
        raise UserError(
            f"The run in {run.path} has another configuration ({'; '.join(differing[:3])}{more}); name another"
            " --workdir, or give the command it was started with."
        )
    return False


def _since_then(there: dict[str, str], here: dict[str, str]) -> list[str]:
    """The parameters that components have got since a run began, and that have the values by which nothing changes."""
    classes = {entry.name: entry.wrapped for entry in gin_tables.components()}
    # A component that the run did not have at all is another matter.
    known, found = {component(name) for name in there} & classes.keys(), []
    for name in here.keys() - there.keys():
        selector, _, parameter = name.rpartition("/")[2].rpartition(".")
        default = catalogue.parameters(classes[selector])[0].get(parameter) if selector in known else None
        found += [name] if default and repr(default.default) == here[name] else []
    return found


def _only_grows(there: dict[str, str], here: dict[str, str], differing: Collection[str]) -> bool:
    """Whether the number of steps alone differs, besides what followed it and is bound to the number that it was."""
    names = {difference.split(" = ")[0] for difference in differing}
    others = [name for name in names if there.get(name, "").replace("%steps", _steps(there)) != here.get(name)]
    return bool(others) and {*others} <= {"steps", "Experiment.steps"}


def _steps(values: dict[str, str]) -> str:
    return values.get("steps", values.get("Experiment.steps", ""))


def _require_longer(run: RunFolder, there: dict[str, str], here: dict[str, str]) -> None:
    """UserError unless the number of steps grows, and a longer run would have begun in the same way."""
    before, after = _steps(there), _steps(here)
    if not before.isdigit() or not after.isdigit() or int(after) < int(before):
        raise UserError(
            f"The run in {run.path} has {before} steps, and steps is {after}; a run can only be made longer: bind steps"
            " to a larger number, or name another --workdir."
        )
    used = _dependent(config_diff.values(config_diff.operative_config(), "current"))
    dependent = sorted({_as_bound(name, here) for name in used})
    if dependent:
        raise UserError(
            f"The run in {run.path} cannot be made longer as it is: {' and '.join(dependent)} would change with steps,"
            f" and its first {before} steps with that; to keep them as they were, bind"
            f" {' and '.join(f'{name}={before}' for name in dependent)}, or train in another --workdir."
        )


def _as_bound(name: str, bound: dict[str, str]) -> str:
    """The name under which the value of a parameter is bound, perhaps for more scopes than the one it is used in."""
    *scopes, parameter = name.split("/")
    while scopes and "/".join([*scopes, parameter]) not in bound:
        scopes.pop()
    return "/".join([*scopes, parameter])


def _dependent(used: dict[str, str]) -> list[str]:
    """The parameters whose values follow the macro `steps`, besides the number of steps itself."""
    macros, size = {"steps"}, 0
    while size < len(macros):
        size = len(macros)
        refers = re.compile(rf"%(?:{'|'.join(map(re.escape, macros))})\b")
        following = [name for name, value in used.items() if refers.search(value)]
        macros |= {name for name in following if "." not in name}
    return [name for name in following if "." in name and name != "Experiment.steps"]


def component(difference: str) -> str:
    """The macro or the component that a difference, `scope/Component.parameter = …`, is about."""
    return difference.split(" = ")[0].rpartition("/")[2].partition(".")[0]


def free_in_tests(mode: str) -> frozenset[str]:
    """What may differ between a run and its test, the component `mode`: how it was trained, and how it is tested."""
    # What is varied says how many agents there are.
    trained_by = {*catalogue.names_below(Action, Loss, Optimizer, ListenerPolicy, Reward, Schedule)} - {"Varied"}
    return frozenset({mode, "Train", "checkpoint", "steps", "noise", *trained_by})
