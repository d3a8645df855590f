"""The pictures that the makers of `cc0_objects` drew: queries of one data set, thumbnails of another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.crop import crop_to_mask, mask_box
from anaglyph.data.cut_out import cut_out
from anaglyph.data.datasets.cc0_manifest import Kind, kind_of
from anaglyph.io.pictures import read_masked_picture

Pixels = NDArray[np.uint8]
CUT_VERSION = 1
"""Goes up when `cut_out` gives other masks."""
_TELLING: tuple[Kind, ...] = ("thumbnail", "isometric", "side", "top")
"""Kinds by how much of an object they show."""


def drawn_picture(path: Path) -> tuple[Pixels, Pixels]:
    """A maker's picture (H, W, 3) and its mask; in a studio, without transparency, it is cut out."""
    pixels, mask = read_masked_picture(path)
    if kind_of(path) == "thumbnail" and bool((mask == 255).all()):
        return pixels, cut_out(pixels)
    return pixels, mask


def most_telling(images: Sequence[Path]) -> Path | None:
    """The picture that shows most of its object, the first of equals; None where there is none."""
    return min(images, key=lambda image: _TELLING.index(kind_of(image)), default=None)


def thumbnail(path: Path, *, size: int, margin: float, least_side: int) -> Pixels | None:
    """(3, size, size): the object alone, centred on white; None where its sides are below `least_side`."""
    pixels, mask = drawn_picture(path)
    left, top, right, bottom = mask_box(mask)
    if max(right - left, bottom - top) < least_side:
        return None
    seen, _ = crop_to_mask(_on_white(pixels, mask), mask, size=size, margin=margin)
    return np.ascontiguousarray(seen.transpose(2, 0, 1))


def _on_white(pixels: Pixels, mask: Pixels) -> Pixels:
    part = mask[..., None].astype(np.float32) / 255.0
    seen: Pixels = np.round(pixels * part + 255.0 * (1.0 - part)).astype(np.uint8)
    return seen
