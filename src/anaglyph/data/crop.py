"""The query crop: the box of the object's mask, its long side scaled to the network's, the rest padded.

CMIC's own crop is baked into data that was never published; this is the rule of its PyTorch port
(gcmic, Wu et al., 3DV 2024), which keeps proportions and needs nothing but the mask.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anaglyph.errors import DataError

Pixels = NDArray[np.uint8]
Box = tuple[int, int, int, int]
WHITE = 255


def crop_to_mask(
    image: Pixels, mask: Pixels, *, size: int, margin: float = 0.0, background: int = WHITE
) -> tuple[Pixels, Pixels]:
    """Cut the object out: (size, size, 3) pixels and (size, size) coverage, aspect kept, centred.

    Image and mask go through the same antialiased bilinear resize, so they keep coinciding and the
    mask becomes soft. What lies beyond the box, or beyond the picture, is padding.

    Args:
        image: (H, W, 3).
        mask: (H, W) coverage 0 to 255.
        size: side of the result in pixels.
        margin: room left around the box on each side, as a fraction of the box's long side.
        background: value of the image's padding, 0 to 255; the mask's is 0.

    Raises:
        DataError: the mask shows nothing.
    """
    if image.shape != (*mask.shape, 3) or image.dtype != np.uint8 or mask.dtype != np.uint8:
        raise ValueError(
            f"image must be uint8 (H, W, 3) and mask uint8 (H, W), got {image.dtype} {image.shape} and "
            f"{mask.dtype} {mask.shape}"
        )
    if size < 1 or not 0.0 <= margin <= 1.0:
        raise ValueError(f"size must be >= 1 and margin from 0 to 1, got {size} and {margin}")
    left, top, right, bottom = _widened(mask_box(mask), margin)
    scale = size / max(right - left, bottom - top)
    width = min(size, max(1, round((right - left) * scale)))
    height = min(size, max(1, round((bottom - top) * scale)))
    x, y = (size - width) // 2, (size - height) // 2
    canvas = np.full((size, size, 3), background, dtype=np.uint8)
    shown = np.zeros((size, size), dtype=np.uint8)
    box = (left, top, right, bottom)
    canvas[y : y + height, x : x + width] = _cut(image, box, (width, height), background)
    shown[y : y + height, x : x + width] = _cut(mask, box, (width, height), 0)
    return canvas, shown


def mask_box(mask: Pixels) -> Box:
    """Left, top, right and bottom (the last two exclusive) of what the mask shows.

    A pixel counts from half of the mask's largest value on: noise around a compressed mask does not
    widen the box, and a mask of 0 and 1 has the same box as one of 0 and 255.
    """
    largest = int(mask.max(initial=0))
    if largest == 0:
        raise DataError("the mask is empty: no pixel belongs to the object. Give the picture another mask.")
    shown = mask >= (largest + 1) // 2
    columns, rows = np.flatnonzero(shown.any(axis=0)), np.flatnonzero(shown.any(axis=1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _widened(box: Box, margin: float) -> Box:
    left, top, right, bottom = box
    room = math.ceil(margin * max(right - left, bottom - top))
    return left - room, top - room, right + room, bottom + room


def _cut(pixels: Pixels, box: Box, out: tuple[int, int], padding: int) -> Pixels:
    """The box, which may reach beyond the picture, resized to `out` = (width, height)."""
    height, width = pixels.shape[:2]
    left, top, right, bottom = box
    inner = pixels[max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
    beyond = [
        (max(-top, 0), max(bottom - height, 0)),
        (max(-left, 0), max(right - width, 0)),
        *[(0, 0)] * (pixels.ndim - 2),
    ]
    if any(side for pair in beyond for side in pair):
        inner = np.pad(inner, beyond, constant_values=padding)
    resized = Image.fromarray(np.ascontiguousarray(inner)).resize(out, Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.uint8)
