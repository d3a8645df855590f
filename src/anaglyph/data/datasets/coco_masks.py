"""Masks in the forms of COCO's annotations (Lin et al., 2014): polygons and run lengths, plain or compressed.

Runs go down the columns, from left to right, first those outside the object. Compressed ones are text: each
number in groups of five bits plus one that says whether more follow, and from the fourth on the difference to
the number before the last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from anaglyph.errors import DataError

_MAX_RUNS = 10_000_000


def coco_mask(segmentation: Any, *, width: int, height: int, where: str) -> NDArray[np.uint8]:
    """(height, width) mask, 0 or 255; DataError naming the record for what is none."""
    if isinstance(segmentation, Mapping):
        counts = segmentation.get("counts")
        if segmentation.get("size") != [height, width]:
            size = segmentation.get("size")
            raise DataError(f"{where} has a mask of size {size!r} in a picture of {[height, width]}.")
        runs = _uncompressed(counts, where) if isinstance(counts, str) else counts
        return _from_runs(runs, width, height, where)
    if isinstance(segmentation, list) and segmentation:
        return _from_polygons(segmentation, width, height, where)
    raise DataError(f"{where} has no mask: neither polygons nor run lengths.")


def _from_polygons(polygons: Sequence[Any], width: int, height: int, where: str) -> NDArray[np.uint8]:
    canvas = Image.new("L", (width, height))
    draw = ImageDraw.Draw(canvas)
    for polygon in polygons:
        good = isinstance(polygon, list) and len(polygon) >= 6 and len(polygon) % 2 == 0
        if not good or not all(isinstance(value, int | float) and abs(value) < 1e6 for value in polygon):
            raise DataError(f"{where} has a polygon that is not three or more pairs of numbers.")
        draw.polygon([(x, y) for x, y in zip(polygon[::2], polygon[1::2], strict=True)], fill=255)
    return np.asarray(canvas, dtype=np.uint8)


def _from_runs(runs: Any, width: int, height: int, where: str) -> NDArray[np.uint8]:
    good = isinstance(runs, list) and len(runs) <= _MAX_RUNS
    good = good and all(isinstance(run, int) and 0 <= run <= width * height for run in runs)
    if not good or sum(runs) != width * height:
        raise DataError(f"{where} has run lengths that do not fill its {width} x {height} pixels.")
    values = np.zeros(len(runs), dtype=np.uint8)
    values[1::2] = 255
    return np.repeat(values, runs).reshape(width, height).T.copy()


def _uncompressed(text: str, where: str) -> list[int]:
    runs: list[int] = []
    number, shift = 0, 0
    for letter in text:
        code = ord(letter) - 48
        if not 0 <= code < 64 or shift > 30:
            raise DataError(f"{where} has run lengths that are no compressed numbers.")
        number |= (code & 31) << shift
        shift += 5
        if code & 32:
            continue
        if code & 16:
            number -= 1 << shift
        runs.append(number + runs[-2] if len(runs) > 2 else number)
        number, shift = 0, 0
    return runs
