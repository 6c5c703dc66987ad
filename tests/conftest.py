"""What every test shares: two logical CPU devices, a clean slate before each test, and the golden numbers."""

import gc
import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

# TensorFlow reads these when it is imported, so they are set first. They hold for the processes that tests start, too.
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
# What LLVM makes of XLA's output faster takes a third of the time of a compilation, and a test runs a step once.
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_optimization_level=0"

TESTS = Path(__file__).parent
GOLDEN = TESTS / "golden"
# Files and folders of tests of numbers. Combinations of plug-ins are none: each plug-in is tested alone as well.
NUMERIC = {"agents", "games", "ops", "test_channels.py", "test_half_precision.py", "test_plug_ins.py"}
NUMERIC |= {"test_evaluator.py", "test_export_alone.py", "test_golden.py"}


def pytest_sessionstart(session: pytest.Session) -> None:
    """Splits the CPU into two logical devices, so that mirrored training runs anywhere.

    It must happen before TensorFlow makes its first tensor, hence before test modules are collected. The controller of
    pytest-xdist runs no tests and is spared the import.
    """
    config = session.config
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        return
    gc.disable()  # As commands do.
    import tensorflow as tf

    device = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(device, [tf.config.LogicalDeviceConfiguration()] * 2)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out tests that need a GPU where there is none."""
    if not os.path.exists("/dev/nvidia0"):
        left_out = [item for item in items if item.get_closest_marker("gpu")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def pytest_collection_finish() -> None:
    """Has the garbage collector leave alone what was imported, which it would look through again and again."""
    gc.enable()
    gc.collect()
    gc.freeze()
    # Graphs are made of many small objects that live long.
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(autouse=True)
def clean_slate() -> Iterator[None]:
    """Seeds the generators of Python and NumPy before a test, and forgets its gin bindings after it.

    Initialisers of Keras take their seeds from Python's. TensorFlow's own seed is left alone: setting it makes
    TensorFlow prepare all compiled functions again.
    """
    random.seed(0)
    np.random.seed(0)
    yield
    if gin := sys.modules.get("gin"):
        gin.clear_config()


@pytest.fixture(autouse=True, scope="module")
def optimised_graphs(request: pytest.FixtureRequest) -> None:
    """Has TensorFlow optimise graphs, as it does for users, where numbers are tested.

    What commands do with runs and files is the same without, and takes a third less time.
    """
    import tensorflow as tf

    wanted = NUMERIC & set(request.path.relative_to(TESTS).parts)
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": not wanted})


@pytest.fixture(autouse=True, scope="module")
def memory_given_back() -> Iterator[None]:
    """Forgets Keras names after each file, and collects garbage: compiled functions refer to themselves.

    What is left after that stays, and is not looked through again.
    """
    yield
    if keras := sys.modules.get("keras"):
        keras.utils.clear_session()
        gc.freeze()


@pytest.fixture(scope="session")
def golden() -> Callable[[str], dict[str, np.ndarray]]:
    """Loads the arrays of `tests/golden/<name>.npz`, or of `$GOLDEN_DIR/<name>.npz` where that is set."""
    folder = Path(os.environ.get("GOLDEN_DIR") or GOLDEN)

    def load(name: str) -> dict[str, np.ndarray]:
        with np.load(folder / f"{name}.npz", allow_pickle=False) as arrays:
            return {key: arrays[key] for key in arrays.files}

    return load


@pytest.fixture
def resident_megabytes() -> Callable[[], float]:
    """How much memory this process holds, as a function."""
    return lambda: int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6
