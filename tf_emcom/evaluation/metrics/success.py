"""Success rates, with confidence intervals whose unit is the input."""

from typing import NamedTuple

import numpy as np

_Z = 1.959963984540054  # of a 95 % interval


class SuccessRate(NamedTuple):
    """The share of games that were won."""

    successes: float  # not whole where it is the mean over several who played the same games
    games: int
    effect: float = 1.0  # as `design_effect` has it; 1: every game is about an input of its own

    @property
    def accuracy(self) -> float:
        return self.successes / self.games

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval (Wilson 1927) for games / design effect independent games, which have the same information.

        All games share their agents: read it as the least uncertainty there is. For a mean over several who played the
        same games it is no narrower than for one of them: that they are many makes the games no more.
        """
        games, rate = self.games / self.effect, self.accuracy
        middle, spread = rate + _Z**2 / (2 * games), rate * (1 - rate) / games + _Z**2 / (4 * games**2)
        low, high = ((middle + side * _Z * spread**0.5) / (1 + _Z**2 / games) for side in (-1, 1))
        # At both ends the formula gives the end itself, but for rounding.
        return (0.0 if rate <= 0.0 else low, 1.0 if rate >= 1.0 else high)


def design_effect(won: np.ndarray, played: np.ndarray, least: float = 1.0) -> np.ndarray:
    """How many times the variance of an accuracy is that of as many independent games.

    Games about the same input are not independent. The variance of the ratio Σ won / Σ played is that between inputs
    (Cochran 1977, Sampling Techniques, section 3.12): replays of an input make the interval narrower only as far as
    they end differently. Two imaginary inputs are added, one always and one never found, each with the mean number of
    games of an input, so that few inputs or an accuracy of 0 or 1 do not give an interval of width 0. It is 1
    where every input is played once, and k where every input is played k times and always ends alike.

    Args:
      won: [..., N], the games won about each input.
      played: [N], the games played about each; inputs without games do not count.
      least: what the effect is at least; 1: an interval is never narrower than that of independent games.

    Returns:
      float64 [...].
    """
    played = np.asarray(played, np.float64)
    won = np.asarray(won, np.float64)
    games, mean = played.sum(), played.sum() / np.count_nonzero(played)
    rate = (won.sum(axis=-1) + mean) / (games + 2 * mean)
    squares = np.square(won).sum(axis=-1) + mean**2
    products = won @ played + mean**2
    between = squares - 2 * rate * products + rate**2 * (np.square(played).sum() + 2 * mean**2)
    return np.maximum(least, between / (rate * (1 - rate) * (games + 2 * mean)))


class Wins(NamedTuple):
    """How many games were won of K kinds, such as numbers of candidates, under P conditions.

    Conditions are pooled in Q cells. Design effects are those of `design_effect`, over all games of a cell.
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
        wins = np.zeros((pairs, kinds, conditions), np.int64), np.zeros((speakers, kinds, conditions), np.int64)
        effects = (np.ones((members, kinds, cells)) for members in (pairs, speakers, 2))
        return cls(*wins, np.zeros(kinds, np.int64), np.zeros(kinds, np.int64), *effects)

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
