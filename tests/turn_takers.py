"""Speakers and listeners that take turns in one model each, as those of a population do."""

from tests import lewis
from tf_emcom.training.trainee import Agents


class TurnTakers:
    """All speakers with all listeners; those that are independent with their own only."""

    def __init__(self, speaker, listener, speaker_weights=(None,), listener_weights=(None,), independent=False):
        """`speaker_weights` and `listener_weights` are lists of Keras weights, None where the model keeps its own."""
        self.models = speaker, listener
        self.weights = speaker_weights, listener_weights
        self.independent = independent
        self.speakers, self.listeners = map(len, self.weights)

    def speaker_as(self, index):
        return self._as(0, index)

    def listener_as(self, index):
        return self._as(1, index)

    def pairs(self):
        if self.independent:
            return [(i, i) for i in range(self.speakers)]
        return [(i, j) for i in range(self.speakers) for j in range(self.listeners)]

    listeners_of = Agents.listeners_of

    def seeds(self):
        return [100 + i for i in range(self.speakers)]

    def only(self, speaker, listener):
        """The same with one pair."""
        speakers, listeners = self.weights
        return TurnTakers(*self.models, speakers[speaker : speaker + 1], listeners[listener : listener + 1])

    def _as(self, kind, index):
        if self.weights[kind][index] is not None:
            self.models[kind].set_weights(self.weights[kind][index])
        return self.models[kind]


def population(speakers, listeners, rules=lewis.lg_s, independent=False):
    """Small real agents, as they are made from different seeds."""
    made = [lewis.make_learner(rules, 16, seed=seed) for seed in range(max(speakers, listeners))]
    return TurnTakers(
        made[0].speaker,
        made[0].listener,
        [one.speaker.get_weights() for one in made[:speakers]],
        [one.listener.get_weights() for one in made[:listeners]],
        independent,
    )
