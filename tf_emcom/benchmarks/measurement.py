"""What everything that bin/benchmark measures is."""

import abc

from tf_emcom.benchmarks.conditions import Conditions
from tf_emcom.benchmarks.table import Table


class Measurement(abc.ABC):
    """Something that is measured; it is known by the name of its file, and built without arguments.

    The first line of its docstring is what `bin/benchmark --list` prints.
    """

    @abc.abstractmethod
    def measure(self, conditions: Conditions) -> Table:
        """Measures, and returns the numbers with what each of them is; tables of one title are printed as one."""
