"""What the speakers of a run say."""

from typing import Any

import numpy as np

from tf_emcom.experiment import Experiment
from tf_emcom.trainee import Trainee
from tf_emcom.transcriber import Transcriber

Row = dict[str, Any]


def spoken(experiment: Experiment, inputs: np.ndarray) -> dict[int, np.ndarray]:
    """The greedy messages of each speaker that is tested about inputs [N, F]: speaker → int32 [N, T]."""
    agents = experiment.learner
    found = {}
    transcriber = None
    for speaker in agents.audiences():
        model = agents.speaker_as(speaker)
        # One model, in which the speakers take turns, and so one trace.
        transcriber = transcriber or Transcriber(model, experiment.distribution.jit_compile)
        found[speaker] = transcriber.messages(inputs)
    return found


def labels_of(agents: Trainee, speaker: int) -> Row:
    """How lines of results name a speaker; where pairs are independent, with the seed of its training."""
    return {"speaker": speaker, **({"training_seed": agents.seeds()[speaker]} if agents.independent else {})}
