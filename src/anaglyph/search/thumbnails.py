"""The picture of an item: its views side by side in one PNG, for a card and its turntable."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 160
"""Of one view, in pixels."""
LEAST_SAMPLES = 192
"""Across a view that is drawn for it; fewer leave jags."""
COLOURS = 128
"""Of the palette: half the bytes of full colour, and no difference that is seen at this size."""


def strip(views: NDArray[np.uint8]) -> bytes:
    """PNG of (V, S, S, 3) views, V squares of `SIDE` from left to right."""
    squares = [_resized(view) for view in views]
    image = Image.fromarray(np.concatenate(squares, axis=1), "RGB").quantize(
        COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
    )
    file = io.BytesIO()
    image.save(file, "PNG", optimize=False, compress_level=6)
    return file.getvalue()


def _resized(view: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(view, "RGB").resize((SIDE, SIDE), Image.Resampling.HAMMING))
