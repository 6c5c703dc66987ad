"""Games as pictures."""

import numpy as np

_BORDER = 3
_GAP = 4
_LEAST_SIDE = 48  # pixels; smaller images are enlarged
_PAPER = np.array([255, 255, 255], np.uint8)
_RIGHT = np.array([0, 158, 115], np.uint8)
_WRONG = np.array([213, 94, 0], np.uint8)
_OTHER = np.array([205, 205, 205], np.uint8)


def draw_games(images: np.ndarray, targets: np.ndarray, choices: np.ndarray) -> np.ndarray:
    """Draws a row a game: its candidates, the right one in green, and a wrong one that was taken in orange.

    Args:
      images: uint8 [G, C, height, width, 3], the candidates.
      targets: int [G], which of them the message is about.
      choices: int [G], which of them was taken.

    Returns:
      uint8 [height, width, 3], with images enlarged by a whole number where they are small.
    """
    scale = max(1, -(-_LEAST_SIDE // min(images.shape[2:4])))
    images = images.repeat(scale, axis=2).repeat(scale, axis=3)
    games, candidates, height, width = images.shape[:4]
    down, right = height + 2 * _BORDER + _GAP, width + 2 * _BORDER + _GAP
    canvas = np.tile(_PAPER, (games * down + _GAP, candidates * right + _GAP, 1))
    for game in range(games):
        for place in range(candidates):
            wrong = place == choices[game] != targets[game]
            border = _RIGHT if place == targets[game] else _WRONG if wrong else _OTHER
            top, left = _GAP + game * down, _GAP + place * right
            canvas[top : top + height + 2 * _BORDER, left : left + width + 2 * _BORDER] = border
            inside = canvas[top + _BORDER : top + _BORDER + height, left + _BORDER : left + _BORDER + width]
            inside[:] = images[game, place]
    return canvas
