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
      least: what the effect, float64 [...], is at least; 1: no interval is narrower than that of independent games.
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
    """How many games were won of K kinds, such as numbers of candidates, under P conditions that are pooled in Q cells.

    Each speaker has so many members: its listeners, and then their vote. Design effects are those of `design_effect`,
    over all games of a cell.
    """

    won: np.ndarray  # int64 [speakers, members, K, P]
    games: np.ndarray  # int64 [K], how many each member played under one condition: all play the same
    inputs: np.ndarray  # int64 [K], how many inputs these games are about
    effects: np.ndarray  # float64 [speakers, members, K, Q], the design effect for each member
    mean_effects: np.ndarray  # float64 [2, K, Q], and for the mean over all pairs and over all votes

    @property
    def pairs(self) -> np.ndarray:
        """Those of each pair, int64 [pairs, K, P], in the order of the evaluator's pairs."""
        return self.won[:, :-1].reshape(-1, *self.won.shape[2:])

    @property
    def votes(self) -> np.ndarray:
        """Those of the vote of each speaker's listeners, int64 [speakers, K, P]."""
        return self.won[:, -1]

    def close(self, kind: int, cell: int, by_input: np.ndarray, played: np.ndarray) -> None:
        """Fills in a cell's effects from the games that each won, [speakers, members, N], and played, [N], by input."""
        self.effects[:, :, kind, cell] = design_effect(by_input, played)
        means = by_input[:, :-1].mean(axis=(0, 1)), by_input[:, -1].mean(axis=0)
        self.mean_effects[:, kind, cell] = design_effect(np.stack(means), played)
