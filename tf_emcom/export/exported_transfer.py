"""The agents of a transfer run out of a SavedModel."""

import numpy as np

from tf_emcom.export.exported_agents import ExportedAgents
from tf_emcom.transfer_learner import strangers, with_messages


class ExportedTransfer(ExportedAgents):
    """The speaker and the new listener of a transfer run."""

    def prepare(self, inputs: np.ndarray, labels: dict[str, np.ndarray], data: str) -> tuple[np.ndarray, dict]:
        """The labels, with the speaker's messages where it needs to speak only once."""
        return with_messages(self, self.speaker_as(0), inputs, labels, data)

    def subjects(self, count: int) -> np.ndarray | None:
        """As in the run: other inputs in a control."""
        return strangers(count, self.seed) if self.shuffled else None
