"""Pictures of the clouds of a split, drawn once and kept: for objects that nobody photographed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.config import plain
from anaglyph.data.datasets.stored_rows import Progress, Rows, stored_rows
from anaglyph.data.objects import digest
from anaglyph.geometry.cameras import view_cameras
from anaglyph.render.cloud_views import CLOUD_VIEWS_VERSION, CloudViewOptions, render_cloud


def cloud_pictures(
    points: NDArray[np.floating[Any]],
    keys: tuple[str, ...],
    *,
    views: str,
    options: CloudViewOptions,
    cache: Path | None,
    name: str,
) -> NDArray[np.uint8]:
    """(N, V, 1, size, size) of clouds (N, P, 3) in the unit sphere, +y up.

    Args:
        points: the clouds.
        keys: of the objects.
        views: cameras, as in `geometry.cameras.view_cameras`.
        options: how pictures look.
        cache: folder for what is made; None keeps it in memory.
        name: of the split, for the cache and the log.
    """
    cameras = view_cameras(views)
    layout = {"pictures": ((len(points), len(cameras), 1, options.size, options.size), "uint8")}
    depends_on = {
        "version": CLOUD_VIEWS_VERSION,
        "points": digest(keys, (points,)),
        "cameras": plain(list(cameras)),
        "options": plain(options),
    }

    def fill(rows: Mapping[str, Rows]) -> None:
        progress = Progress(f"{name}: drawing clouds", len(points))
        for row, cloud in enumerate(points):
            rows["pictures"][row] = render_cloud(cloud.astype(np.float32), cameras, options)[:, None]
            progress.step()

    return stored_rows(cache, f"{name}-pictures", depends_on, layout, fill)["pictures"]
