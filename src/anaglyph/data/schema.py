"""What the arrays of a data set must be, checked once when it is made, so that nothing fails later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import DataError

_CHUNK = 1024


def check_keys(keys: Sequence[str]) -> None:
    """DataError unless there are keys, each one word (label files hold nothing else), none twice."""
    if not keys:
        raise DataError("this split has no objects; check the folder, the ranges and the class subset.")
    for key in keys:
        if key.split() != [key]:
            raise DataError(
                f"the object id '{key}' is empty or has white space, which label files cannot hold; "
                f"rename the object's files, for instance with '_'."
            )
    key, times = Counter(keys).most_common(1)[0]
    if times > 1:
        raise DataError(f"the object id '{key}' stands {times} times; ids must be unique within a split.")


def check_labels(labels: NDArray[Any], *, objects: int, classes: int) -> None:
    """DataError unless labels are (objects,) whole numbers from 0 to classes - 1."""
    if labels.shape != (objects,) or labels.dtype.kind not in "iu":
        raise DataError(
            f"{objects} objects come with labels of shape {labels.shape} ({labels.dtype}); there must be one "
            f"whole number each. Check that the label file belongs to the images."
        )
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise DataError(
            f"labels run from {labels.min()} to {labels.max()}; {classes} classes have 0 to {classes - 1}."
        )


def check_images(images: NDArray[Any], *, objects: int) -> None:
    """DataError unless images are (objects, V, C, H, W) bytes with 1 or 3 channels."""
    if images.dtype != np.uint8 or images.ndim != 5 or images.shape[2] not in (1, 3) or 0 in images.shape[1:]:
        raise DataError(
            f"images are {images.dtype} of shape {images.shape}; they must be uint8 (objects, views, 1 or 3 "
            f"channels, height, width)."
        )
    _check_count("images", len(images), objects)


def check_points(
    points: NDArray[Any], *, keys: Sequence[str], needed: int, channels: tuple[int, ...] = (3,)
) -> None:
    """DataError unless points are (objects, N >= needed, channels) finite floats; names the first bad."""
    if points.dtype.kind != "f" or points.ndim != 3 or points.shape[2] not in channels:
        allowed = " or ".join(map(str, channels))
        raise DataError(
            f"points are {points.dtype} of shape {points.shape}; they must be float (objects, N, {allowed})."
        )
    _check_count("clouds", len(points), len(keys))
    if not 1 <= needed <= points.shape[1]:
        raise DataError(
            f"{needed} points per object are asked for, the clouds hold {points.shape[1]}; set `points` to "
            f"1 to {points.shape[1]}, or store more."
        )
    for start in range(0, len(points), _CHUNK):
        finite = np.isfinite(points[start : start + _CHUNK]).all(axis=(1, 2))
        if not finite.all():
            key = keys[start + int(finite.argmin())]
            raise DataError(f"the cloud of '{key}' has values that are not finite; repair or remove it.")


def _check_count(what: str, found: int, objects: int) -> None:
    if found != objects:
        raise DataError(f"there are {found} {what} for {objects} objects; there must be one each.")
