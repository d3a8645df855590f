"""How far the first hit is from the true shape in space: HAU and IoU, each shape sampled once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.shape_queries import ShapeRepository
from anaglyph.errors import DataError, MeshError
from anaglyph.evaluation.shape_distance import grid_iou, hausdorff_modified
from anaglyph.geometry.mesh import Mesh
from anaglyph.geometry.normalize import normalized
from anaglyph.geometry.sample import sample_surface
from anaglyph.geometry.voxels import solid_grid
from anaglyph.randomness import numpy_generator

POINTS = 10_000
"""On each surface, as published."""
RESOLUTION = 128


@contextmanager
def opened_surfaces(repository: ShapeRepository) -> Iterator[Surfaces]:
    """Surfaces of a repository, whose models are read by one set of child processes while this is open."""
    if repository.meshes is None:
        raise DataError(
            f"the {len(repository)} shapes (first: '{repository.keys[0]}') are only known by their pictures; "
            f"surface distances need data with meshes. Use --mode simple."
        )
    with repository.meshes.opened() as read:
        yield Surfaces(repository.keys, read)


@dataclass
class Surfaces:
    """Points and solid grids of a repository's shapes, longest side 1, made when first asked for."""

    keys: tuple[str, ...]
    read: Callable[[int], Mesh]
    """The mesh of a row."""
    _points: dict[int, NDArray[np.float32]] = field(default_factory=dict)
    _grids: dict[int, NDArray[np.uint8]] = field(default_factory=dict)
    """Packed to bits: a solid of 128 cells a side takes 256 KiB."""

    def points(self, row: int) -> NDArray[np.float32]:
        """(10000, 3), spread evenly over the surface; the same whenever it is asked for."""
        if row not in self._points:
            self._make(row)
        return self._points[row]

    def grid(self, row: int) -> NDArray[np.bool_]:
        """(128, 128, 128) solid."""
        if row not in self._grids:
            self._make(row)
        shape = (RESOLUTION,) * 3
        return np.unpackbits(self._grids[row], count=RESOLUTION**3).astype(bool).reshape(shape)

    def _make(self, row: int) -> None:
        key = self.keys[row]
        try:
            mesh = normalized(self.read(row), "side")
        except ValueError as error:
            raise MeshError(key, f"it has no extent to measure ({error})") from error
        generator = numpy_generator("surface", key)
        self._points[row] = sample_surface(mesh, POINTS, generator=generator).points
        self._grids[row] = np.packbits(solid_grid(mesh, resolution=RESOLUTION))


def surface_numbers(
    true: Surfaces, found: Surfaces, shapes: NDArray[np.int64], hits: Sequence[Sequence[int]]
) -> dict[str, NDArray[np.float64]]:
    """HAU and IoU of each query's first hit against its true shape (dossier CMIC, 3.2).

    Ties are read against the method, as everywhere: of several first hits the farthest one gives HAU, and the
    one that overlaps least IoU.

    Args:
        true: surfaces of the split's repository.
        found: surfaces of the repository that was searched; the same object or another one.
        shapes: (Q,) rows of the true shapes.
        hits: for each of Q queries the rows of its first hits.
    """
    known: dict[tuple[int, int], tuple[float, float]] = {}
    hau, iou = np.empty(len(shapes)), np.empty(len(shapes))
    for query, (row, tied) in enumerate(zip(shapes.tolist(), hits, strict=True)):
        for hit in tied:
            if (row, hit) not in known:
                known[row, hit] = (
                    hausdorff_modified(true.points(row), found.points(hit)),
                    grid_iou(true.grid(row), found.grid(hit)),
                )
        hau[query] = max(known[row, hit][0] for hit in tied)
        iou[query] = min(known[row, hit][1] for hit in tied)
    return {"hau": hau, "iou": iou}
