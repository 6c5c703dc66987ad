"""Finds every plug-in that is computed in a step, by its base class."""

import keras

from tf_emcom.agents.grammar import Grammar
from tf_emcom.agents.sampling import Sampler
from tf_emcom.checks import is_base, subclasses
from tf_emcom.games.channels import Channel
from tf_emcom.games.losses import Loss
from tf_emcom.games.policies import ListenerPolicy
from tf_emcom.games.rewards import Reward
from tf_emcom.games.tasks import Task
from tf_emcom.games.transfer_tasks import TransferTask
from tf_emcom.runtime import catalogue
from tf_emcom.schedules import Schedule
from tf_emcom.training.optimizers import Optimizer

FAMILIES = (
    *(Schedule, Sampler, Grammar, Channel, ListenerPolicy, Reward, Task, Loss, TransferTask, Optimizer),
    keras.layers.Layer,
)
# Whole agents, which the tests of games put together.
AGENTS = ("Speaker", "Listener")


def public_classes():
    """Name ↦ class, of all public classes of the families in the package."""
    catalogue.register_components()  # Imports them.
    found = {cls.__name__: cls for family in FAMILIES for cls in (family, *subclasses(family)) if is_ours(cls)}
    return dict(sorted(found.items()))


def plug_ins():
    """Name ↦ class, of every plug-in."""
    return {key: cls for key, cls in public_classes().items() if not is_base(cls)}


def is_ours(cls):
    """Whether a class is a public one of the package, and no whole agent."""
    return cls.__module__.startswith("tf_emcom.") and not cls.__name__.startswith("_") and cls.__name__ not in AGENTS
