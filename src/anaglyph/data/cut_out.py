"""A mask for a picture of one object before a smooth studio background: what no even light leads into.

No segmentation network: the background is all that can be reached from the picture's border without
stepping over an edge. Soft shadows belong to it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from anaglyph.errors import DataError

Pixels = NDArray[np.uint8]
_REACH = 2
"""Pixels by which the two filters of 3 x 3 widen an edge on either side."""


def cut_out(pixels: Pixels, *, step: float = 7.0, least: float = 0.2) -> Pixels:
    """(H, W) 0 or 255: all of (H, W, 3) that is not reached from the border; holes count to the object.

    Args:
        pixels: the picture, whose border shows background only.
        step: least change of red, green or blue from a pixel to the next, of 255, that makes an edge.
        least: parts smaller than this fraction of the largest one are left out.

    Raises:
        DataError: no edges, or nothing within them.
    """
    values = ndimage.uniform_filter(pixels.astype(np.float32), size=(3, 3, 1))
    change = np.maximum(
        np.abs(ndimage.sobel(values, axis=0)), np.abs(ndimage.sobel(values, axis=1))
    )  # 8 x the slope, since Sobel adds four differences over two pixels
    smooth = (change / 8.0).max(axis=2) < step
    pieces, _ = ndimage.label(smooth)
    edge = np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]])
    inside = ~np.isin(pieces, np.unique(edge[edge > 0]))
    inside = ndimage.binary_erosion(inside, iterations=_REACH)
    parts, count = ndimage.label(inside)
    if not count:
        raise DataError("nothing in this picture stands out from its background; give it a mask.")
    sizes = np.bincount(parts.reshape(-1))
    sizes[0] = 0
    return np.where((sizes >= least * sizes.max())[parts], np.uint8(255), np.uint8(0))
