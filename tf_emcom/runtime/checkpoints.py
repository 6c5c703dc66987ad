"""Saves and restores a learner."""

import functools
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import keras
import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.runtime import checkpoint_files
from tf_emcom.seeds import step_tensor

# Which checkpoint of a run is read: one of these, or a step.
NEWEST, BEST = "newest", "best"
# The folders of a run where checkpoints are, from which it resumes, and where the best agents are.
FOLDER, BEST_FOLDER = "checkpoints", "best"


class HasState(Protocol):
    """What a checkpoint is made of, such as a `Trainee`: name → weights, and what else a run needs to resume."""

    agents: Mapping[str, Sequence[keras.Variable]]
    optimizer_state: Mapping[str, Sequence[keras.Variable]]


class Checkpoints:
    """The newest checkpoints of a run: weights, moving average, optimisers and the step, as `tf.train.Checkpoint`."""

    last = 0
    """The step that this process has saved or restored last; 0: none."""

    def __init__(self, folder: str, learner: HasState, keep: int = 3, new_folder: str | None = None) -> None:
        """`folder` is `RUN/checkpoints`; new ones go to `new_folder`, by default `folder`, which keeps `keep`."""
        self._step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        self._carried = tf.Variable("", trainable=False, name="carried")
        agents = {name: _by_position(weights) for name, weights in learner.agents.items()}
        optimizer_state = {name: _by_position(state) for name, state in learner.optimizer_state.items()}
        self._agents = tf.train.Checkpoint(step=self._step, **agents)
        self._all = tf.train.Checkpoint(carried=self._carried, step=self._step, **optimizer_state, **agents)
        self._folder = folder
        self._new_folder = new_folder or folder
        self._keep = keep

    @property
    def carried(self) -> str:
        """The text in the checkpoint that was restored or saved last."""
        return self._carried.numpy().decode()

    def save(self, step: int, carried: str = "") -> None:
        """Saves a checkpoint with a text; UserError where that is not possible: the older ones are still there."""
        self._step.assign(step_tensor(step))
        self._carried.assign(carried)
        checkpoint_files.write_checkpoint(self._all, self._new_folder, step, self._keep)
        self.last = step

    def save_agents(self, folder: str, step: int) -> None:
        """Saves the agents alone in another folder, beside what is there; UserError as for `save`."""
        self._step.assign(step_tensor(step))
        checkpoint_files.write_checkpoint(self._agents, folder, step, keep=sys.maxsize)

    def restore_latest(self) -> int:
        """Restores the newest undamaged checkpoint and returns its step; 0 where there is none.

        UserError where it belongs to agents of another architecture, or all are damaged.
        """
        if checkpoint_files.use_newest(self._folder, lambda path: _restore(self._all, path)):
            self.last = int(self._step.numpy())
        return self.last

    def clear(self, step: int) -> None:
        """Removes leftovers of killed processes, and all but the newest checkpoints up to `step`; later ones stay."""
        steps = checkpoint_files.checkpoint_steps(self._new_folder)
        kept = [s for s in steps if s > step] + [s for s in steps if s <= step][: self._keep]
        checkpoint_files.remove_all_but(self._new_folder, kept)

    def restore_agents(self, run: str, which: str = NEWEST) -> int:
        """Restores the agents alone from a run's folder; returns their step. UserError also where there are none.

        `which` is "newest", "best" as `Validation` found it, or a step.
        """
        _use(run, which, lambda _, path: _restore(self._agents, path))
        return int(self._step.numpy())


def restore_agent(run: str, name: str, agent: keras.Model, index: int = 0, which: str = NEWEST) -> None:
    """Restores an agent from a checkpoint of a run: by its name there, such as "speaker", and its index.

    UserError where there is no such checkpoint, or it holds no such agent or one of other sizes, or is damaged.
    """

    def restore(folder: str, path: str) -> None:
        # tf.train.load_checkpoint would first ask whether this is a folder, which not all storage answers alike.
        reader = tf.compat.v1.train.NewCheckpointReader(path)
        shapes = reader.get_variable_to_shape_map()
        prefix, suffix = f"{name}/weights/", "/.ATTRIBUTES/VARIABLE_VALUE"
        # `/` and `.` in the names of weights are escaped; their position stands in front of the names.
        found = [key for key in shapes if key.startswith(prefix) and key.endswith(suffix)]
        keys = {int(key.removeprefix(prefix).partition("_")[0]): key for key in found}
        shown = os.path.join(folder, os.path.basename(path))
        count = _count(shown, name, agent, {i: tuple(shapes[key]) for i, key in keys.items()})
        if index >= count:
            raise UserError(
                f"{name}_index is {index}, but the run in {run} has {count} {name}{'' if count == 1 else 's'}; bind it"
                f" to 0{'' if count == 1 else f' to {count - 1}'}."
            )
        values = [reader.get_tensor(keys[i]) for i in range(len(keys))]
        for variable, value in zip(agent.trainable_variables, values, strict=True):
            variable.assign(value if value.shape == tuple(variable.shape) else value[index])

    _use(run, which, restore)


def require_known(which: str) -> None:
    """UserError where a text is neither newest nor best nor a step."""
    if which not in (NEWEST, BEST) and not (which.isascii() and which.isdigit()):
        raise UserError(f"There is no checkpoint {which!r}; name newest, best, or the step of one, such as 5000.")


def _folders(run: str, which: str) -> tuple[list[str], int | None]:
    """Where in a run's folder to look for a checkpoint, and the step that is asked for."""
    require_known(which)
    regular, best = os.path.join(run, FOLDER), os.path.join(run, BEST_FOLDER)
    if which == NEWEST:
        return [regular], None
    if which == BEST:
        return [best], None
    return [regular, best], int(which)


def _use(run: str, which: str, use: Callable[[str, str], None]) -> None:
    """Calls `use` with a folder of a run and a checkpoint of it, the newest undamaged one of its kind.

    The checkpoint may be a copy. The best agents of a run are the newest in their folder. UserError: there is none.
    """
    folders, step = _folders(run, which)
    if not any(checkpoint_files.use_newest(folder, functools.partial(use, folder), step) for folder in folders):
        raise _no_checkpoint(run, which)


def require_checkpoint(run: str, which: str = NEWEST) -> None:
    """UserError where there is no such checkpoint in the folder of a run."""
    folders, step = _folders(run, which)
    if not any(step in (None, found) for folder in folders for found in checkpoint_files.checkpoint_steps(folder)):
        raise _no_checkpoint(run, which)


def _no_checkpoint(run: str, which: str) -> UserError:
    folder = os.path.join(run, FOLDER)
    if which == BEST:
        return UserError(
            f"There is no best checkpoint in {os.path.join(run, BEST_FOLDER)}, since nothing was validated; use the"
            " newest one, or train with @Validation() before @Checkpoint() in Train.actions."
        )
    if which != NEWEST:
        there = {step for each in _folders(run, which)[0] for step in checkpoint_files.checkpoint_steps(each)}
        others = f"but of {', '.join(map(str, sorted(there)))}; name one of these" if there else "nor any; train first"
        return UserError(f"There is no checkpoint of step {which} in {run}, {others}.")
    if steps := checkpoint_files.data_steps(folder):
        return UserError(
            f"There is no checkpoint in {folder}, only data: ckpt-{steps[0]}.index is missing; copy it again, or run"
            " the same tf-emcom train command again, which starts training from step 0."
        )
    return UserError(
        f"There is no checkpoint in {folder}; train first, with tf-emcom train"
        f" --gin_file={run}/config.gin --workdir={run}, or bind checkpoint to the folder of a trained run."
    )


def _by_position(variables: Sequence[keras.Variable]) -> tf.Module:
    # Not the agent itself: TensorFlow silently leaves out layers that a Keras layer keeps in a list. By position, since
    # Keras numbers names by what else a process has built.
    holder = tf.Module()
    holder.weights = {f"{i}_{v.name}": v.value for i, v in enumerate(variables)}
    return holder


def _count(path: str, name: str, agent: keras.Model, there: dict[int, tuple[int, ...]]) -> int:
    """How many agents have these weights; UserError that names the first two shapes that differ."""
    here = {i: tuple(v.shape) for i, v in enumerate(agent.trainable_variables)}
    if not there:
        raise UserError(f"The checkpoint {path} holds no {name}; name the folder of another run.")
    if there == here:
        return 1
    # Several agents are stacked.
    if there.keys() == here.keys() and all(there[i][1:] == here[i] for i in here):
        return there[0][0]
    place = min(i for i in {*there, *here} if there.get(i) != here.get(i))
    raise UserError(
        f"The {name} in the checkpoint {path} has other sizes than were built (weight {place} is"
        f" {there.get(place, 'missing')} there, {here.get(place, 'missing')} here); use the data set that"
        " the run was trained on, with as many features, and its config.gin as it was then."
    )


def _restore(checkpoint: tf.train.Checkpoint, path: str) -> None:
    # What else the checkpoint holds does not matter, and no warnings about it are wanted when this one is refused.
    checkpoint.read(path).expect_partial().assert_existing_objects_matched()
