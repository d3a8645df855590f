"""Which picture belongs to which cloud. By id, always; by row only where the ids agree.

RoMo's released lists pair rows that are mostly another object of the same class, which hands the
contrastive loss the classes (dossier RoMo, 0.4). `released_rows` makes such rows, for the preset that
reproduces the release and for nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.schema import check_keys
from anaglyph.errors import DataError
from anaglyph.randomness import numpy_generator

RELEASED_CLASS_AGREEMENT = 0.964
"""4,818 of 5,000 released training rows pair objects of one class."""
RELEASED_OBJECT_AGREEMENT = 0.060
"""302 of 5,000 pair an object with itself."""
_SHOWN = 5


def pair_by_id(
    image_keys: Sequence[str], point_keys: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of both sides in the order of the sorted ids; DataError unless both have the same, once each."""
    check_keys(image_keys)
    check_keys(point_keys)
    images = {key: row for row, key in enumerate(image_keys)}
    clouds = {key: row for row, key in enumerate(point_keys)}
    _check_same(set(images), set(clouds))
    order = sorted(images)
    return np.array([images[key] for key in order]), np.array([clouds[key] for key in order])


def pair_by_row(image_keys: Sequence[str], point_keys: Sequence[str]) -> None:
    """DataError, naming the first row, unless row r has the same id on both sides."""
    if len(image_keys) != len(point_keys):
        raise DataError(f"{len(image_keys)} pictures and {len(point_keys)} clouds cannot be paired by row.")
    for row, (image, cloud) in enumerate(zip(image_keys, point_keys, strict=True)):
        if image != cloud:
            raise DataError(
                f"row {row} pairs the picture of '{image}' with the cloud of '{cloud}'; pair by id instead."
            )


def released_rows(labels: NDArray[np.int64], *, seed: int) -> NDArray[np.int64]:
    """(N,) a permutation that pairs picture r with the cloud of row result[r] as the released lists do.

    A part of the rows keep their own cloud; the rest get a random one of their class; of these so many
    then swap across classes that the released agreement is met. LEAKS LABELS, on purpose.
    """
    generator = numpy_generator(seed, "released rows")
    rows = np.arange(len(labels))
    free = np.flatnonzero(generator.random(len(labels)) >= RELEASED_OBJECT_AGREEMENT)
    for label in np.unique(labels):
        members = free[labels[free] == label]
        rows[members] = generator.permutation(members)
    shares = np.bincount(labels) / len(labels)
    wrong = (1.0 - RELEASED_CLASS_AGREEMENT) / max(1.0 - float((shares**2).sum()), 1e-9)
    swapped = generator.permutation(free)[: round(wrong * len(labels))]
    rows[swapped] = rows[generator.permutation(swapped)]
    return rows


def _check_same(images: set[str], clouds: set[str]) -> None:
    faults = []
    for what, missing in (("cloud", images - clouds), ("picture", clouds - images)):
        if missing:
            more = ", ..." if len(missing) > _SHOWN else ""
            faults.append(f"{len(missing)} without a {what} ({', '.join(sorted(missing)[:_SHOWN])}{more})")
    if faults:
        raise DataError(
            f"ids do not pair: {'; '.join(faults)}. Remove those objects or bring what is missing."
        )
