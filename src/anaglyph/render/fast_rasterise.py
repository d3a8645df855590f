"""Back-end "numba" (extra `fast`): the same faces at the same samples as "torch", several times faster.

Every number comes from the same operations in the same order as in `rasterise`, so both agree exactly.
Threads share the cameras, or bands of rows where there are fewer cameras than threads.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from anaglyph.errors import MissingExtraError
from anaglyph.geometry.cameras import Camera
from anaglyph.ops.fast.threads import spread
from anaglyph.render.lens import GUARD, SUBPIXELS, Lens, cut, make_lens

_PER_FACE, _PER_SAMPLE = 20.0, 5.0
"""Nanoseconds, roughly, to decide whether threads are worth starting."""


class _Corners(NamedTuple):
    """Vertices on the sample grid."""

    exact: NDArray[np.float64]
    """(V, 3) column, row and nearness."""
    fine: NDArray[np.int32]
    """(V, 2) column and row in subpixels."""
    outside: NDArray[np.bool_]
    """(V) whose faces have to be cut."""


def require() -> None:
    """MissingExtraError where numba is not installed."""
    if importlib.util.find_spec("numba") is None:
        raise MissingExtraError(what="back-end 'numba'", extra="fast")


def faces_seen(
    vertices: NDArray[np.float32], faces: NDArray[np.int32], cameras: Sequence[Camera], *, size: int
) -> NDArray[np.int32]:
    """The nearest face at every sample, as `rasterise.faces_seen`.

    Args:
        vertices: (V, 3) finite.
        faces: (F, 3) rows of `vertices`.
        cameras: C of them.
        size: samples across and down.

    Returns:
        (C, size, size), -1 where nothing is seen; row 0 on top.

    Raises:
        MissingExtraError: numba is not installed.
    """
    require()
    kernels = importlib.import_module("anaglyph.render.raster_kernels")
    vertices = np.require(vertices, requirements=("C", "W"))  # the kinds that kernels are compiled for
    faces = np.require(faces, requirements=("C", "W"))
    seen = np.full((len(cameras), size, size), -1, dtype=np.int32)
    work = _PER_FACE * len(faces) + _PER_SAMPLE * size * size
    threads = torch.get_num_threads()

    def one(number: int) -> None:
        _draw(kernels, vertices, faces, make_lens(cameras[number], size), seen[number])

    if not len(faces):
        return seen
    if len(cameras) >= threads:
        spread(one, range(len(cameras)), nanoseconds=work * len(cameras))
        return seen
    for picture, camera in zip(seen, cameras, strict=True):
        _draw(kernels, vertices, faces, make_lens(camera, size), picture, threads, work)
    return seen


def _draw(
    kernels: Any,
    vertices: NDArray[np.float32],
    faces: NDArray[np.int32],
    lens: Lens,
    picture: NDArray[np.int32],
    bands: int = 1,
    work: float = 0.0,
) -> None:
    """Fill in one picture, on as many threads as there are bands."""
    farthest = kernels.farthest(vertices, lens.rows)
    if farthest < lens.near:
        return
    count = len(vertices)
    corners = _Corners(np.empty((count, 3)), np.empty((count, 2), np.int32), np.empty(count, np.bool_))
    inner = kernels.project(vertices, *lens, farthest, GUARD, SUBPIXELS, *corners)
    cuts = None if inner else _cut_faces(vertices, faces, corners.outside, lens, farthest)
    size = len(picture)
    edges = [size * band // bands for band in range(bands + 1)]

    def band(rows: tuple[int, int]) -> None:
        keys = np.full((rows[1] - rows[0], size), -1, dtype=np.int64)
        nobody = np.empty(0, np.int64)
        if cuts is not None:
            pieces, owners = cuts
            own = np.arange(3 * len(owners), dtype=np.int32).reshape(-1, 3)
            kernels.draw(own, owners, *pieces, rows[0], size, keys)
        kernels.draw(faces, nobody, *corners, rows[0], size, keys)
        kernels.name_faces(keys, picture[rows[0] : rows[1]])

    spread(band, list(pairwise(edges)), nanoseconds=work)


def _cut_faces(
    vertices: NDArray[np.float32],
    faces: NDArray[np.int32],
    outside: NDArray[np.bool_],
    lens: Lens,
    farthest: float,
) -> tuple[_Corners, NDArray[np.int64]]:
    """What is left of faces that have a vertex outside, and whose they are."""
    owners = np.flatnonzero(outside[faces].any(axis=1))
    x, y, z = vertices[faces[owners]].astype(np.float64).transpose(2, 0, 1)  # (N, 3) each
    corners = np.stack([((a * x + b * y) + c * z) + d for a, b, c, d in lens.rows], axis=-1)
    pieces = cut(corners, owners, lens, farthest=farthest)
    exact = np.stack([pieces.x, pieces.y, pieces.nearness], axis=-1)
    fine = np.rint(exact[:, :2] * SUBPIXELS).astype(np.int32)
    return _Corners(exact, fine, np.zeros(len(exact), np.bool_)), pieces.owners
