"""What is exported."""

from typing import Any, NamedTuple

from tf_emcom.trainee import Trainee


class Contents(NamedTuple):
    """What there is to write down.

    Attributes:
      agents: with their trained weights.
      metadata: what `tf_emcom.export.metadata` tells of them.
      documents: file name → text: the configuration, and what else their run's folder keeps beside it.
    """

    agents: Trainee
    metadata: dict[str, Any]
    documents: dict[str, str]
