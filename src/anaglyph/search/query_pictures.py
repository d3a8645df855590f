"""A user's picture -> what the image tower knows: one object, in the middle, on white.

The object is where a mask, the transparency or a box says. Without any of them a plain background is cut
away; a picture whose border is not plain is taken whole, since cutting it would be guessing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from anaglyph.data.crop import crop_to_mask
from anaglyph.data.cut_out import cut_out
from anaglyph.errors import DataError
from anaglyph.io.pictures import masked_picture
from anaglyph.search.parts import Box, PicturePart

Pixels = NDArray[np.uint8]
LARGEST = 1024
"""Longest side, in pixels, of what is looked at."""
MARGIN = 0.05
"""Room around an object that was cut out, as in rendered views."""
PLAIN_STEP = 7.0
"""Least change of a colour from a pixel to the next, of 255, that is an edge."""
PLAIN_SHARE = 0.95
"""Share of the border without edges that makes a background plain."""
OBJECT_SHARE = (0.005, 0.95)
"""Shares of the picture that an object before a plain background can take."""


def prepared_picture(part: PicturePart, *, pixels: int) -> tuple[Pixels, tuple[str, ...]]:
    """(3, pixels, pixels), and notes on what was done.

    Raises:
        DataError: no readable picture or mask, beyond the limits of `io.pictures`, or an empty mask.
    """
    picture, mask = masked_picture(part.data, name=part.name, mask=part.mask)
    if part.box is not None:
        picture, mask = _boxed(picture, part.box), _boxed(mask, part.box)
    picture, mask = _smaller(picture), _smaller(mask)
    notes: tuple[str, ...] = ()
    given = part.mask is not None or bool((mask < 255).any())
    if not given and (found := plain_background(picture)) is not None:
        mask, given = found, True
        notes = (f"the plain background of '{part.name}' was cut away",)
    on_white = _on_white(picture, mask) if given else picture
    seen, _ = crop_to_mask(on_white, mask, size=pixels, margin=MARGIN if given else 0.0)
    return np.ascontiguousarray(seen.transpose(2, 0, 1)), notes


def plain_background(picture: Pixels) -> Pixels | None:
    """(H, W) 0 or 255: the object before a plain background; None where the background is not plain."""
    if min(picture.shape[:2]) < 16 or _edges_at_border(picture) > 1.0 - PLAIN_SHARE:
        return None
    try:
        mask = cut_out(picture, step=PLAIN_STEP)
    except DataError:
        return None
    least, most = OBJECT_SHARE
    return mask if least <= float((mask > 0).mean()) <= most else None


def _edges_at_border(picture: Pixels) -> float:
    """Share of the border's pixels at which the colour jumps along it."""
    smooth = ndimage.uniform_filter(picture.astype(np.float32), size=(3, 3, 1))
    around = np.concatenate([smooth[0], smooth[1:, -1], smooth[-1, -2::-1], smooth[-2:0:-1, 0]])
    change = np.abs(np.diff(around, axis=0, append=around[:1])).max(axis=1)
    return float((change >= PLAIN_STEP).mean())


def _boxed(pixels: Pixels, box: Box) -> Pixels:
    height, width = pixels.shape[:2]
    left, top = int(box[0] * width), int(box[1] * height)
    right, bottom = max(left + 1, round(box[2] * width)), max(top + 1, round(box[3] * height))
    return pixels[top:bottom, left:right]


def _smaller(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    scale = LARGEST / max(height, width)
    if scale >= 1.0:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX), dtype=np.uint8)


def _on_white(picture: Pixels, mask: Pixels) -> Pixels:
    part = mask[..., None].astype(np.float32) / 255.0
    seen: Pixels = np.round(picture * part + 255.0 * (1.0 - part)).astype(np.uint8)
    return seen
