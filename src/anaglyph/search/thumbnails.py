"""The picture of an item: its views side by side in one PNG, for a card and its turntable."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MOST_SIDE = 160
"""Of one view, in pixels."""
LEAST_SIDE = 128
COLOURS = 128
"""Of the palette: half the bytes of full colour, and no difference that is seen at this size."""


def strip(views: NDArray[np.uint8]) -> bytes:
    """PNG of (V, S, S, 3) views, V squares of at most `MOST_SIDE` from left to right."""
    side = min(MOST_SIDE, views.shape[1])
    squares = [_resized(view, side) for view in views]
    image = Image.fromarray(np.concatenate(squares, axis=1), "RGB").quantize(
        COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
    )
    file = io.BytesIO()
    image.save(file, "PNG", optimize=False, compress_level=6)
    return file.getvalue()


def _resized(view: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    if view.shape[0] == side:
        return view
    return np.asarray(Image.fromarray(view, "RGB").resize((side, side), Image.Resampling.BOX))
