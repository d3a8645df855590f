"""How the faces of a mesh hang together, counted over places in space and not over the file's vertices.

Many files repeat a vertex for every texture coordinate or every face (STL), so vertices at exactly one place
are one here. Faces that lose a corner by that, or have no area, take no part. Of faces over the same places
one counts: many models, ShapeNet's for one, hold every face twice, once for each side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from anaglyph.geometry.mesh import Mesh
from anaglyph.geometry.sample import face_normals


@dataclass(frozen=True, eq=False)
class Topology:
    """Counts over the faces with an area, and which of them are one piece."""

    degenerate: NDArray[np.bool_]
    """(F,) faces without an area."""
    duplicates: int
    """Faces over the same three places as an earlier one, whichever way round."""
    open_edges: int
    """Edges of one face: the rim of a hole."""
    crowded_edges: int
    """Edges of three and more different faces: inner walls, touching parts."""
    turned_edges: int
    """Edges whose two faces do not agree on which side is outside; faces that are there twice do."""
    components: int
    """Pieces that share no place with one another."""
    component: NDArray[np.int64]
    """(F,) piece of each face, -1 for faces without an area."""

    @property
    def closed(self) -> bool:
        """Whether every edge has exactly two different faces: watertight."""
        return self.components > 0 and self.open_edges == 0 and self.crowded_edges == 0

    @property
    def has_inside(self) -> bool:
        """Whether the faces bound a volume and say on which side of them it is."""
        return self.closed and self.consistent and self.duplicates == 0

    @property
    def consistent(self) -> bool:
        """Whether faces that share an edge agree on which side is outside."""
        return self.turned_edges == 0


def topology(mesh: Mesh) -> Topology:
    """Look at how the faces hang together; a mesh without faces is allowed."""
    corners = welded_faces(mesh)
    _, areas = face_normals(mesh)
    a, b, c = corners.T
    degenerate = (areas <= 0) | (a == b) | (b == c) | (c == a)
    kept = corners[~degenerate]
    number, different = _row_numbers(np.sort(kept, axis=1))
    first = np.full(different, len(kept))
    np.minimum.at(first, number, np.arange(len(kept)))
    twice = np.bincount(number, minlength=different) > 1
    faces_per_edge, turned = _edges(kept[first], either=twice)
    count, component = _components(kept)
    whole = np.full(len(corners), -1, dtype=np.int64)
    whole[~degenerate] = component
    return Topology(
        degenerate=degenerate,
        duplicates=len(kept) - different,
        open_edges=int((faces_per_edge == 1).sum()),
        crowded_edges=int((faces_per_edge > 2).sum()),
        turned_edges=int(turned.sum()),
        components=count,
        component=whole,
    )


def welded_faces(mesh: Mesh) -> NDArray[np.int64]:
    """(F, 3) faces over places: vertices with equal coordinates have one number."""
    places = np.ascontiguousarray(mesh.vertices + np.float32(0))  # -0 becomes 0
    return _row_numbers(places.view(np.int32))[0][mesh.faces]


def _edges(
    faces: NDArray[np.int64], *, either: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Of each edge: how many faces it has, and whether they are two that run along it the same way.

    `either` (F,) marks faces whose way round says nothing.
    """
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    low, high = directed.min(axis=1), directed.max(axis=1)
    _, edge, count = np.unique(low << 32 | high, return_inverse=True, return_counts=True)
    forwards = np.bincount(edge, weights=directed[:, 0] < directed[:, 1], minlength=len(count))
    unsure = np.bincount(edge, weights=np.tile(either, 3), minlength=len(count)) > 0
    return count, (count == 2) & (forwards != 1) & ~unsure


def _components(faces: NDArray[np.int64]) -> tuple[int, NDArray[np.int64]]:
    """Number of pieces, and the piece of every face."""
    if not len(faces):
        return 0, np.empty(0, dtype=np.int64)
    places, local = np.unique(faces, return_inverse=True)
    local = local.reshape(faces.shape)
    starts, ends = np.concatenate([local[:, 0], local[:, 1]]), np.concatenate([local[:, 1], local[:, 2]])
    links = coo_array((np.ones(len(starts), dtype=bool), (starts, ends)), shape=(len(places),) * 2)
    count, piece = connected_components(links, directed=False)
    return int(count), np.asarray(piece, dtype=np.int64)[local[:, 0]]


def _row_numbers(rows: NDArray[np.integer]) -> tuple[NDArray[np.int64], int]:
    """(N,) a number for every row of (N, 3), equal for equal rows, and how many numbers there are."""
    order = np.lexsort(rows.T)
    ordered = rows[order]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    numbers = np.empty(len(rows), dtype=np.int64)
    numbers[order] = np.cumsum(new) - 1
    return numbers, int(new.sum())
