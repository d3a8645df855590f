"""Back-end "embree": which face the ray through each sample meets first (Embree 4 through embreex).

Exact and without any graphics library. The tree over the faces is built once per call for all cameras.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray

from anaglyph.errors import MissingExtraError
from anaglyph.geometry.cameras import Camera

RAYS = 1 << 17
"""Rays that a thread has in memory at once."""
ASIDE = np.float32(1e-6)
"""How far rays that hit nothing beside others that do are turned before they are cast once more: Embree loses
some of those that meet a vertex exactly, also in its robust mode."""


def faces_seen(
    vertices: NDArray[np.float32], faces: NDArray[np.int32], cameras: Sequence[Camera], *, size: int
) -> NDArray[np.int32]:
    """(C, size, size) number of the nearest face at each pixel centre, -1 where there is none; row 0 on top.

    Both sides of a face are seen. What lies before a camera's near plane is cut off. Of faces in the same
    place any may be named.

    Args:
        vertices: (V, 3) finite.
        faces: (F, 3) rows of `vertices`.
        cameras: C of them.
        size: side of the square pictures in samples.

    Raises:
        MissingExtraError: embreex is not installed.
    """
    require()
    from embreex.mesh_construction import TriangleMesh
    from embreex.rtcore_scene import EmbreeScene

    seen = np.full((len(cameras), size, size), -1, dtype=np.int32)
    if not len(faces) or not len(cameras):
        return seen
    scene = EmbreeScene(robust=True)
    TriangleMesh(scene, np.ascontiguousarray(vertices), np.ascontiguousarray(faces))

    def cast(band: tuple[NDArray[np.int32], Camera, slice]) -> None:
        picture, camera, rows = band
        origins, directions = _rays(camera, rows, size)
        found = scene.run(origins, directions).reshape(-1, size)
        if (holes := np.flatnonzero(_beside_hits(found))).size:
            found.flat[holes] = scene.run(origins[holes], directions[holes] + ASIDE)
        picture[rows] = found

    height = max(RAYS // size, 1)
    bands = [
        (picture, camera, slice(top, min(top + height, size)))
        for picture, camera in zip(seen, cameras, strict=True)
        for top in range(0, size, height)
    ]
    with ThreadPoolExecutor(torch.get_num_threads()) as threads:  # Embree runs without the GIL
        for _ in threads.map(cast, bands):
            pass
    return seen


def require() -> None:
    """Raise MissingExtraError where embreex is not installed."""
    if importlib.util.find_spec("embreex") is None:
        raise MissingExtraError(what="back-end 'embree'", extra="render")


def _rays(camera: Camera, rows: slice, size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Origins on the near plane and directions, (N, 3) each, of the rays through some rows of a picture."""
    scale = float(camera.projection()[1, 1])
    axes, position = camera.view()[:3, :3], np.array(camera.position)  # rows right, up, towards the viewer
    steps = ((np.arange(size) + 0.5) * 2.0 / size - 1.0) / scale  # x of columns, -y of rows, at depth 1
    plane = steps[:, None] * axes[0] - steps[rows, None, None] * axes[1]  # (rows, size, 3)
    if camera.height is None:
        directions = plane - axes[2]
        origins = position + camera.near * directions
    else:
        directions = np.broadcast_to(-axes[2], plane.shape)
        origins = position + plane - camera.near * axes[2]
    return _flat(origins), _flat(directions)


def _beside_hits(found: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Samples without a face next to samples with one, in a row or column."""
    hit = found >= 0
    beside = np.zeros_like(hit)
    beside[1:] |= hit[:-1]
    beside[:-1] |= hit[1:]
    beside[:, 1:] |= hit[:, :-1]
    beside[:, :-1] |= hit[:, 1:]
    return beside & ~hit


def _flat(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.ascontiguousarray(vectors.reshape(-1, 3), dtype=np.float32)
