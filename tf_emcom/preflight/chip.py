"""The TPUs that a step can be compiled for."""

from typing import NamedTuple

from tf_emcom.errors import UserError


class Chip(NamedTuple):
    """The published figures of one TPU chip.

    Attributes:
      cores: devices that a program sees of it; each has an equal share of what follows.
      memory: bytes of HBM.
      bandwidth: bytes/s between chip and HBM.
      peak: FLOP/s of matrix products of bfloat16 numbers. A product of float32 numbers is rounded to bfloat16 at
        TensorFlow's default precision and costs the same; at the precisions "high" and "highest" it takes 3 and 6.
      links: bytes/s that all its links to other chips send together, one way.
      clock: Hz; None where the published figures do not tell.
      source: where they are published.
      chip_config: what the compiler calls the way in which its cores are used; None: the usual one.
    """

    cores: int
    memory: float
    bandwidth: float
    peak: float
    links: float
    clock: float | None
    source: str
    chip_config: str | None = None

    def per_core(self) -> "Chip":
        """What one device has of it."""
        shared = {name: getattr(self, name) / self.cores for name in ("memory", "bandwidth", "peak", "links")}
        return self._replace(cores=1, **shared)


_OLD = "Jouppi et al., A domain-specific supercomputer for training deep neural networks, CACM 2020, table 3"
_PAGES = "docs.cloud.google.com/tpu/docs"

# Clocks of v5e and v5p follow from peak = 2 * 128 * 128 * matrix units * clock.
_CHIPS = {
    "v2": Chip(2, 16 * 2**30, 700e9, 46e12, 248e9, 0.70e9, _OLD),
    "v3": Chip(2, 32 * 2**30, 900e9, 123e12, 328e9, 0.94e9, _OLD),
    "v4": Chip(1, 32 * 2**30, 1200e9, 275e12, 300e9, 1.05e9, f"{_PAGES}/v4", "megacore"),
    "v5e": Chip(1, 16 * 2**30, 819e9, 197e12, 200e9, 1.50e9, f"{_PAGES}/v5e"),
    "v5p": Chip(1, 95 * 2**30, 2765e9, 459e12, 600e9, 1.75e9, f"{_PAGES}/v5p"),
    "v6e": Chip(1, 32 * 2**30, 1638e9, 918e12, 400e9, None, f"{_PAGES}/v6e"),
}


def chip_of(topology: str) -> Chip:
    """One device of a topology such as "v5e:2x2".

    Raises:
      UserError: nothing is known of such a chip.
    """
    generation, separator, shape = topology.partition(":")
    if generation.lower() == "tpu7x":
        raise UserError("--topology is TPU7x, on which TensorFlow does not run; name one of the chips before it.")
    if generation not in _CHIPS or not separator or not shape:
        raise UserError(
            f"--topology is {topology!r}, but it is a chip and a shape, as in v5e:2x2 or v4:2x2x1; the chips are"
            f" {', '.join(_CHIPS)}."
        )
    return _CHIPS[generation].per_core()
