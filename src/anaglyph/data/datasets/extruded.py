"""Clouds and renderings of digits, made by the 3D MNIST generator and kept in the cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.cache import Arrays, cached
from anaglyph.data.transforms.image import ImageAugmentation
from anaglyph.data.transforms.points import PointAugmentation
from anaglyph.errors import DataError
from anaglyph.geometry.draw import draw_flat
from anaglyph.geometry.extrude import digit_cloud
from anaglyph.geometry.subsample import subsample
from anaglyph.randomness import numpy_generator

VERSION = 1
"""Goes into the cache's name; raise it when the clouds or the renderings change."""
RENDERING_SIZE = 30
RENDERING_BACKGROUND = 0.98
"""The off-white that renderings are drawn on."""
ImageKind = Literal["digit", "rendering"]

DIGIT_IMAGES = ImageAugmentation(rotation=15.0, stretch=(0.8, 1.2), shear=0.2, shift=0.05, elastic=0.05)
"""No mirror images: 2 and 5 would change places."""
DIGIT_POINTS = PointAugmentation(
    rotation=15.0,
    rotation_axis="x",
    stretch=((0.6, 1.5), (0.8, 1.2), (0.8, 1.2)),
    shear=0.2,
    shift=0.05,
    elastic=0.05,
    jitter=0.02,
)
"""The same changes within the digit's plane, and any thickness."""


def extruded(
    pictures: NDArray[Any],
    keys: Sequence[str],
    *,
    stored_points: int,
    renderings: bool,
    cache: Path | None,
    name: str,
    depends_on: dict[str, Any],
) -> Arrays:
    """(N, H, W) -> `points` (N, stored_points, 3) float16 and, if asked for, `images` (N, 1, 3, 30, 30).

    Which points are kept depends on the key alone. `depends_on` tells where the pictures come from.
    """

    def make() -> Arrays:
        points = np.empty((len(keys), stored_points, 3), dtype=np.float16)
        drawn = np.empty(
            (len(keys) if renderings else 0, 1, 3, RENDERING_SIZE, RENDERING_SIZE), dtype=np.uint8
        )
        for row, (key, picture) in enumerate(zip(keys, pictures, strict=True)):
            cloud = _cloud(picture, key)
            points[row] = stored_cloud(cloud, stored_points, key=key)
            if renderings:
                drawn[row, 0] = render(cloud)
        return {"points": points, "images": drawn}

    about = {"generator": VERSION, "points": stored_points, "renderings": renderings, **depends_on}
    return cached(cache, name, about, make)


def stored_cloud(cloud: NDArray[np.floating[Any]], count: int, *, key: str) -> NDArray[np.float16]:
    """(count, 3) of a cloud's points in random order, by key; DataError when it has fewer."""
    if len(cloud) < count:
        raise DataError(
            f"the cloud of '{key}' has {len(cloud)} points, {count} are to be stored; lower stored_points."
        )
    return subsample(cloud, count, numpy_generator("stored points", key)).astype(np.float16)


def render(cloud: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """(N, 3) -> (3, 30, 30), the "rgb" picture of RoMo's release, drawn from all points."""
    return np.ascontiguousarray(draw_flat(cloud[None], size=RENDERING_SIZE)[0].transpose(2, 0, 1))


def image_changes(augmentation: ImageAugmentation, image: ImageKind) -> ImageAugmentation:
    """`augmentation` as it is for digits; for renderings a background left at 0 becomes their off-white."""
    if image == "rendering" and augmentation.background == 0.0:
        return replace(augmentation, background=RENDERING_BACKGROUND)
    return augmentation


def _cloud(picture: NDArray[Any], key: str) -> NDArray[np.float64]:
    try:
        return digit_cloud(picture)
    except ValueError as error:
        raise DataError(f"the picture of '{key}' cannot be made a shape: {error}.") from error
