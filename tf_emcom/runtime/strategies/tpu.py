"""The cores of a TPU."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tf_emcom.errors import UserError
from tf_emcom.runtime.strategies.distribution import Distribution


class Tpu(Distribution):
    """Every core of a TPU, or of a slice of several hosts; the whole step of a core is one compiled program.

    The loop over steps runs on the TPU's host without coming back to Python, and batches stay on the host until a step
    takes them: with data that fit the cores' memory they are a few kilobytes of indices.
    """

    def __init__(self, name: str = "local") -> None:
        """Connects to a TPU and clears it, before TensorFlow does anything else.

        Args:
          name: "local" on the TPU's own machine; else its name, or its address as `grpc://…`.

        Raises:
          UserError: there is no such TPU, or this TensorFlow cannot use one.
        """
        super().__init__(jit_compile=False)
        self.strategy = tf.distribute.TPUStrategy(_connected(name))
        # The trainer, on the host, looks at the number of each step.
        self.input_options = tf.distribute.InputOptions(experimental_fetch_to_device=False)

    @property
    def compiler(self) -> str:
        """The strategy itself has XLA compile what a core does."""
        return "compiled by XLA for TPUs"

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself: the strategy compiles all that a core does."""
        return function

    def compiled_whole(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself, for the same reason."""
        return function


def _connected(name: str) -> tf.distribute.cluster_resolver.TPUClusterResolver:
    # An address at which nobody answers is waited for, for minutes.
    print(f"Connecting to the TPU {name!r} …", flush=True)
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=name)
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, RuntimeError, OSError, tf.errors.OpError) as error:
        reason = (str(error).splitlines() or ["no reason given"])[0][:160]
        raise UserError(
            f"There is no TPU {name!r} that can be used from here ({reason}); run on a TPU VM with --tpu=local, with"
            " tf_emcom installed as pip install -e '.[tpu]'."
        ) from error
    return resolver
