"""Small pictures on a terminal: two pixels a character, the upper half block over a coloured ground."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.style import Style
from rich.text import Text

UPPER, LOWER = "▀", "▄"


def half_blocks(picture: NDArray[np.uint8], covered: NDArray[np.bool_]) -> Text:
    """(H, W, 3) colours as ceil(H / 2) lines of W characters.

    Args:
        picture: sRGB; rich shows what the terminal can: 24 bits, 256 colours or 16.
        covered: (H, W); the terminal's own ground shows where it is False.
    """
    height, width = covered.shape
    if height % 2:
        picture = np.concatenate([picture, picture[-1:]])
        covered = np.concatenate([covered, np.zeros((1, width), dtype=bool)])
    text = Text(no_wrap=True)
    for row in range(0, height, 2):
        if row:
            text.append("\n")
        for column in range(width):
            colours = [_colour(picture, covered, row + half, column) for half in (0, 1)]
            text.append(*_cell(*colours))
    return text


def _cell(upper: Color | None, lower: Color | None) -> tuple[str, Style]:
    if upper is None:
        return (" ", Style()) if lower is None else (LOWER, Style(color=lower))
    return UPPER, Style(color=upper, bgcolor=lower)


def _colour(picture: NDArray[np.uint8], covered: NDArray[np.bool_], row: int, column: int) -> Color | None:
    if not covered[row, column]:
        return None
    red, green, blue = (int(channel) for channel in picture[row, column])
    return Color.from_rgb(red, green, blue)
