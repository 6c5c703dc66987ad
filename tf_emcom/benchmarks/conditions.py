"""What all measurements of one run share."""

from collections.abc import Sequence

from tf_emcom.benchmarks.peak import Peak


class Conditions:
    """The bindings that every configuration has, and the machine's best matrix product.

    Attributes:
      bindings: gin's `name=value`, as the user gave them.
      peak: of this machine in this run.
    """

    def __init__(self, bindings: Sequence[str] = (), peak: Peak | None = None) -> None:
        self.bindings = tuple(bindings)
        self.peak = peak or Peak()
