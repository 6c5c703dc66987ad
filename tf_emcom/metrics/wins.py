"""What an evaluation counts."""

from typing import NamedTuple

import numpy as np

from tf_emcom.metrics.success_rate import design_effect


class Wins(NamedTuple):
    """How many games were won of K kinds, such as numbers of candidates, under P conditions.

    Conditions are pooled in Q cells. Design effects are those of `success_rate.design_effect`, over all games of a
    cell.
    """

    pairs: np.ndarray  # int64 [pairs, K, P], in the order of the evaluator's pairs
    votes: np.ndarray  # int64 [speakers, K, P], where the speaker's listeners vote; in the order of its speakers
    games: np.ndarray  # int64 [K], how many each pair played under one condition: all play the same
    inputs: np.ndarray  # int64 [K], how many inputs these games are about
    pair_effects: np.ndarray  # float64 [pairs, K, Q], the design effect for each pair
    vote_effects: np.ndarray  # float64 [speakers, K, Q], and for each vote
    mean_effects: np.ndarray  # float64 [2, K, Q], and for the mean over all pairs and over all votes

    @classmethod
    def none(cls, speakers: int, listeners: int, kinds: int, conditions: int, cells: int) -> "Wins":
        """Nothing won yet by `speakers` with so many `listeners` each."""
        pairs = speakers * listeners
        return cls(
            np.zeros((pairs, kinds, conditions), np.int64),
            np.zeros((speakers, kinds, conditions), np.int64),
            np.zeros(kinds, np.int64),
            np.zeros(kinds, np.int64),
            np.ones((pairs, kinds, cells)),
            np.ones((speakers, kinds, cells)),
            np.ones((2, kinds, cells)),
        )

    def add(self, speaker: int, kind: int, condition: int, won: np.ndarray) -> None:
        """Counts the wins of a speaker's listeners and then of their vote, [listeners + 1]."""
        listeners = len(won) - 1
        self.pairs[speaker * listeners : (speaker + 1) * listeners, kind, condition] += won[:-1]
        self.votes[speaker, kind, condition] += won[-1]

    def close(self, kind: int, cell: int, by_input: np.ndarray, played: np.ndarray) -> None:
        """Fills in the design effects of a cell.

        Args:
          kind: which of the K.
          cell: which of the Q.
          by_input: [speakers, listeners + 1, N], the games that each won about each input, the last being votes.
          played: [N], the games that each played about it.
        """
        listeners = by_input.shape[1] - 1
        for speaker, won in enumerate(by_input):
            effects = design_effect(won, played)
            self.pair_effects[speaker * listeners : (speaker + 1) * listeners, kind, cell] = effects[:-1]
            self.vote_effects[speaker, kind, cell] = effects[-1]
        means = by_input[:, :-1].mean(axis=(0, 1)), by_input[:, -1].mean(axis=0)
        self.mean_effects[:, kind, cell] = design_effect(np.stack(means), played)
