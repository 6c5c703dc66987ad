"""What every test shares: two logical CPU devices, a clean slate before each test, and the golden numbers."""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

# TensorFlow reads these when it is imported, so they are set first. They hold for the processes that tests start, too.
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

GOLDEN = Path(__file__).parent / "golden"


def pytest_sessionstart(session: pytest.Session) -> None:
    """Splits the CPU into two logical devices, so that mirrored training runs anywhere.

    It must happen before TensorFlow makes its first tensor, hence before test modules are collected. The controller of
    pytest-xdist runs no tests and is spared the import.
    """
    config = session.config
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        return
    import tensorflow as tf

    device = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(device, [tf.config.LogicalDeviceConfiguration()] * 2)


@pytest.fixture(autouse=True)
def clean_slate() -> Iterator[None]:
    """Seeds every generator before a test, and forgets its gin bindings and Keras names after it."""
    if keras := sys.modules.get("keras"):
        keras.utils.set_random_seed(0)
    yield
    if gin := sys.modules.get("gin"):
        gin.clear_config()
    if keras := sys.modules.get("keras"):
        # Collecting garbage after each test would take longer than most tests.
        keras.utils.clear_session(free_memory=False)


@pytest.fixture(autouse=True, scope="module")
def memory_given_back() -> Iterator[None]:
    """Collects garbage after each file: compiled functions refer to themselves, and would pile up to many gigabytes."""
    yield
    gc.collect()


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
