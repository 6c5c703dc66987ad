"""Finds every plug-in that is computed in a step, by its base class."""

import inspect

import keras

import tf_emcom
from tf_emcom.agents.grammar import Grammar
from tf_emcom.agents.sampling import Sampler
from tf_emcom.checks import is_base
from tf_emcom.games.channels import Channel
from tf_emcom.games.losses import Loss
from tf_emcom.games.policies import ListenerPolicy
from tf_emcom.games.rewards import Reward
from tf_emcom.games.tasks import Task
from tf_emcom.games.transfer_tasks import TransferTask
from tf_emcom.schedules import Schedule
from tf_emcom.training.optimizers import Optimizer

FAMILIES = (
    *(Schedule, Sampler, Grammar, Channel, ListenerPolicy, Reward, Task, Loss, TransferTask, Optimizer),
    keras.layers.Layer,
)
# Whole agents, which the tests of games put together.
AGENTS = ("Speaker", "Listener")


def public_classes():
    """Name ↦ class, of all public classes of the families."""
    offered = {name: getattr(tf_emcom, name) for name in tf_emcom.__all__ if name not in AGENTS}
    return {name: cls for name, cls in offered.items() if inspect.isclass(cls) and issubclass(cls, FAMILIES)}


def plug_ins():
    """Name ↦ class, of every plug-in."""
    return {key: cls for key, cls in public_classes().items() if not is_base(cls)}
