"""Finds every plug-in of the library."""

import importlib
import inspect
import pkgutil

ROOMS = (
    "schedules",
    "articulations",
    "grammars",
    "channels",
    "policies",
    "rewards",
    "tasks",
    "losses",
    "heads.speaker",
    "heads.listener",
    "heads.transfer",
    "nets",
    "optimizers",
    "transfer",
)
# Not abstract to Python, because Keras layers and tf.Modules bring their own metaclasses, but made only to be derived
# from: none of them works, or is meant to be named, without a subclass.
BASES = {"nets.Core", "heads.speaker.SpeakerHead", "heads.listener.ListenerHead", "optimizers.Optimizer"} | {
    *("nets.Part", "nets.MessageReader", "heads.transfer.PredictionHead"),
    *("transfer.LabelTask", "transfer.CandidateTask"),
}


def public_classes():
    """Room and class name ↦ class, of all that could be a plug-in; records and abstract classes cannot."""
    found = {}
    for room in ROOMS:
        package = importlib.import_module(f"tf_emcom.{room}")
        for information in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            module = importlib.import_module(information.name)
            for name, cls in inspect.getmembers(module, inspect.isclass):
                here = cls.__module__ == module.__name__ and not name.startswith("_")
                if here and not inspect.isabstract(cls) and not issubclass(cls, tuple):
                    assert f"{room}.{name}" not in found, f"two plug-ins of {room} are called {name}"
                    found[f"{room}.{name}"] = cls
    return found


def plug_ins():
    """Room and class name ↦ class, of every plug-in."""
    return {key: cls for key, cls in public_classes().items() if key not in BASES}
