"""The parts of a scene as a reader finds them, before any check, and what is done to one part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.geometry.mesh import Material, Up


class MalformedError(ValueError):
    """A file that breaks the rules of its format; the message is a reason for a MeshError as it stands."""


class TooLargeError(MalformedError):
    """A scene beyond the limits."""

    def __init__(self, vertices: int, faces: int) -> None:
        super().__init__(f"its scene has more than {vertices} vertices or {faces} faces; no more are read")


@dataclass
class Part:
    """Triangles with one transform already applied, before any check."""

    vertices: NDArray[Any]
    """(V, 3) real numbers."""
    faces: NDArray[Any]
    """(F, 3) whole numbers, rows of `vertices`."""
    vertex_colours: NDArray[np.uint8] | None = None
    """(V, 3) sRGB."""
    corner_uv: NDArray[Any] | None = None
    """(F, 3, 2), v upwards."""
    face_material: NDArray[Any] | None = None
    """(F,) rows of the scene's materials, -1 for none."""

    def __len__(self) -> int:
        return len(self.faces)


@dataclass
class Parsed:
    """What a reader found in a file."""

    parts: list[Part] = field(default_factory=list)
    materials: list[Material] = field(default_factory=list)
    up: Up = "y"
    notes: list[str] = field(default_factory=list)


def placed(part: Part, matrix: NDArray[np.float64]) -> Part:
    """`part` moved by a (4, 4) matrix for column vectors; a mirror turns faces, so outside stays outside."""
    vertices = np.asarray(part.vertices, dtype=np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    faces, corner_uv = part.faces, part.corner_uv
    if np.linalg.det(matrix[:3, :3]) < 0:
        faces = faces[:, ::-1]
        corner_uv = None if corner_uv is None else corner_uv[:, ::-1]
    return Part(vertices, faces, part.vertex_colours, corner_uv, part.face_material)


def fan(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Triangles of polygons with `counts` corners that stand one after the other.

    Returns:
        (T, 3) positions of the corners, each polygon a fan around its first corner, and (T,) its polygon.
        Polygons with fewer than three corners give none.
    """
    triangles = np.maximum(counts - 2, 0)
    polygon = np.repeat(np.arange(len(counts)), triangles)
    first = np.cumsum(counts) - counts  # (P,) where a polygon begins
    step = np.arange(len(polygon)) - np.repeat(np.cumsum(triangles) - triangles, triangles)
    start = first[polygon]
    return np.stack([start, start + step + 1, start + step + 2], axis=1), polygon


def welded(part: Part) -> Part:
    """`part` with every position and colour once, in the order of their first use; other vertices go.

    For formats that repeat the corners of each face. Only exactly equal ones are joined.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        keys = np.asarray(part.vertices)[part.faces.reshape(-1)].astype(np.float32) + np.float32(
            0.0
        )  # no -0.0
    if part.vertex_colours is not None:
        colours = part.vertex_colours[part.faces.reshape(-1)].astype(np.float32)
        keys = np.concatenate([keys, colours], axis=1)
    rows = np.ascontiguousarray(keys).view(np.dtype((np.void, keys.shape[1] * 4))).reshape(-1)
    _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(first), dtype=np.int64)
    rank[order] = np.arange(len(first))
    chosen = part.faces.reshape(-1)[first[order]]
    return Part(
        np.asarray(part.vertices)[chosen],
        rank[inverse.reshape(-1)].reshape(-1, 3),
        None if part.vertex_colours is None else part.vertex_colours[chosen],
        part.corner_uv,
        part.face_material,
    )


def merged(parts: Sequence[Part]) -> Part:
    """Parts that share their vertices and colours as one."""
    first = parts[0]
    if len(parts) == 1:
        return first
    uv = None
    if any(part.corner_uv is not None for part in parts):
        uv = np.concatenate(
            [np.zeros((len(part), 3, 2)) if part.corner_uv is None else part.corner_uv for part in parts]
        )
    material = None
    if any(part.face_material is not None for part in parts):
        rows = [
            np.full(len(part), -1) if part.face_material is None else part.face_material for part in parts
        ]
        material = np.concatenate(rows)
    faces = np.concatenate([part.faces for part in parts])
    return Part(first.vertices, faces, first.vertex_colours, uv, material)


def with_face_colours(part: Part, colours: NDArray[np.uint8]) -> Part:
    """`part` with a (F, 3) colour for each face: vertices between faces of two colours become two."""
    split = Part(
        np.asarray(part.vertices)[part.faces.reshape(-1)],
        np.arange(3 * len(part.faces)).reshape(-1, 3),
        np.repeat(colours, 3, axis=0),
        part.corner_uv,
        part.face_material,
    )
    return welded(split)


def colour_bytes(colours: NDArray[Any]) -> NDArray[np.uint8]:
    """(..., 3) colours as bytes: real numbers are in [0, 1], whole ones in the range of their type."""
    array = np.asarray(colours)
    if array.dtype.kind == "f":
        array = np.round(255 * np.clip(np.nan_to_num(array), 0.0, 1.0))
    elif array.dtype.itemsize == 2:
        array = np.round(array.astype(np.float64) / 257)
    result: NDArray[np.uint8] = np.clip(array, 0, 255).astype(np.uint8)
    return result
