"""From the parts of a scene to one checked `Mesh`; what cannot be used is left out and named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import MeshError
from anaglyph.geometry.mesh import Material, Mesh
from anaglyph.geometry.mesh_limits import MeshLimits
from anaglyph.geometry.mesh_parts import Parsed, Part


def assemble(parsed: Parsed, path: Path, limits: MeshLimits) -> Mesh:
    """Put the parts together, leave out what cannot be used, and say so in the notes.

    Raises:
        MeshError: nothing usable is left, an index points nowhere, or a limit is passed.
    """
    parts = [part for part in parsed.parts if len(part.faces)]
    if not parts:
        raise MeshError(path, _without_faces(parsed), fault="no_faces")
    _check_counts(parts, path, limits)
    notes = list(parsed.notes)
    cleaned = [_cleaned(part, path) for part in parts]
    vertices_gone = sum(gone for _, gone, _, _ in cleaned)
    faces_gone = sum(gone for _, _, gone, _ in cleaned)
    repeated = sum(gone for _, _, _, gone in cleaned)
    if vertices_gone:
        notes.append(
            f"left out {vertices_gone} vertices that are not finite, and {faces_gone} faces with them"
        )
    if repeated:
        notes.append(f"left out {repeated} faces that use a vertex twice")
    kept = [part for part, *_ in cleaned if len(part.faces)]
    if not kept:
        raise MeshError(path, f"no face can be used ({'; '.join(notes[-2:])})", fault="no_faces")
    mesh = _joined(kept, parsed, notes)
    if len(mesh.materials) > limits.materials:
        reason = f"it has {len(mesh.materials)} materials; at most {limits.materials} are read"
        raise MeshError(path, reason, fault="too_large")
    _check_area(mesh, path)
    return mesh


def _without_faces(parsed: Parsed) -> str:
    points = sum(len(part.vertices) for part in parsed.parts)
    what = f"it is a cloud of {points} points" if points else "it is empty"
    return f"has no faces ({what}); a mesh of triangles or polygons is needed"


def _check_counts(parts: Sequence[Part], path: Path, limits: MeshLimits) -> None:
    for what, count, most in (
        ("vertices", sum(len(part.vertices) for part in parts), limits.vertices),
        ("faces", sum(len(part.faces) for part in parts), limits.faces),
    ):
        if count > most:
            reason = f"it has {count} {what}; at most {most} are read"
            raise MeshError(path, reason, fault="too_large")


def _cleaned(part: Part, path: Path) -> tuple[Part, int, int, int]:
    """The part without what cannot be used; how many vertices, faces of theirs and repeated faces went."""
    faces = np.asarray(part.faces).astype(np.int64)
    with np.errstate(over="ignore", invalid="ignore"):
        vertices = np.asarray(part.vertices).astype(np.float32)  # too large for float32 becomes infinite
    if vertices.ndim != 2 or vertices.shape[1] != 3 or faces.ndim != 2 or faces.shape[1] != 3:
        raise MeshError(
            path, f"its arrays have shapes {vertices.shape} and {faces.shape} instead of rows of 3"
        )
    if not 0 <= int(faces.min()) <= int(faces.max()) < len(vertices):
        raise MeshError(
            path,
            f"its faces point to the vertices {faces.min()} to {faces.max()}, and it has {len(vertices)}. "
            f"The file is damaged or cut off; export it again",
        )
    finite: NDArray[np.bool_] = np.asarray(np.isfinite(vertices).all(axis=1))  # (V,)
    whole: NDArray[np.bool_] = np.asarray(finite[faces].all(axis=1))  # (F,)
    a, b, c = faces.T
    distinct = (a != b) & (b != c) & (c != a)
    kept = whole & distinct
    gone = int((~finite).sum())
    row = np.cumsum(finite) - 1  # (V,) old row to new row
    faces = row[faces[kept]] if gone else faces[kept]
    colours = part.vertex_colours
    cleaned = Part(
        vertices[finite] if gone else vertices,
        faces,
        colours[finite] if gone and colours is not None else colours,
        None if part.corner_uv is None else np.asarray(part.corner_uv)[kept],
        None if part.face_material is None else np.asarray(part.face_material)[kept],
    )
    return cleaned, gone, int((~whole).sum()), int((whole & ~distinct).sum())


def _joined(parts: Sequence[Part], parsed: Parsed, notes: list[str]) -> Mesh:
    offsets = np.cumsum([0, *(len(part.vertices) for part in parts[:-1])])
    faces = np.concatenate([part.faces + start for part, start in zip(parts, offsets, strict=True)])
    face_material, materials = _materials(parts, parsed.materials)
    return Mesh(
        vertices=np.concatenate([part.vertices for part in parts]),
        faces=faces.astype(np.int32),
        vertex_colours=_colours(parts),
        corner_uv=_corner_uv(parts, notes),
        face_material=face_material,
        materials=materials,
        up=parsed.up,
        notes=tuple(notes),
    )


def _colours(parts: Sequence[Part]) -> NDArray[np.uint8] | None:
    """(V, 3); parts without colours are white, which changes nothing in a product of colours."""
    if all(part.vertex_colours is None for part in parts):
        return None
    return np.concatenate(
        [
            np.full((len(part.vertices), 3), 255, np.uint8)
            if part.vertex_colours is None
            else part.vertex_colours
            for part in parts
        ]
    )


def _corner_uv(parts: Sequence[Part], notes: list[str]) -> NDArray[np.float32] | None:
    if all(part.corner_uv is None for part in parts):
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        uv = np.concatenate(
            [
                np.zeros((len(part.faces), 3, 2), np.float32)
                if part.corner_uv is None
                else np.asarray(part.corner_uv).astype(np.float32)
                for part in parts
            ]
        )
    bad = ~np.isfinite(uv)
    if bad.any():
        notes.append(
            f"set {int(bad.any(axis=(1, 2)).sum())} faces' texture coordinates that are not finite to 0"
        )
        uv[bad] = 0.0
    return uv


def _materials(
    parts: Sequence[Part], materials: Sequence[Material]
) -> tuple[NDArray[np.int32] | None, tuple[Material, ...]]:
    """(F,) rows of the materials in use, and these.

    Faces without one share a grey one, or a white one where their vertices have colours.
    """
    coloured = [part.vertex_colours is not None for part in parts]
    if all(part.face_material is None for part in parts) and len(set(coloured)) == 1:
        return None, ()
    rows = []
    for part, colours in zip(parts, coloured, strict=True):
        own = np.full(len(part), -1) if part.face_material is None else part.face_material.astype(np.int64)
        rows.append(np.where(own < 0, -2 if colours else -1, own))
    used, inverse = np.unique(np.concatenate(rows), return_inverse=True)
    extra = {-1: Material("none"), -2: Material("none", (1.0, 1.0, 1.0))}
    table = tuple(extra[int(row)] if row < 0 else materials[int(row)] for row in used)
    return inverse.reshape(-1).astype(np.int32), table


def _check_area(mesh: Mesh, path: Path) -> None:
    corners = mesh.vertices.astype(np.float64)[mesh.faces]  # (F, 3, 3)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    if not np.linalg.norm(normals, axis=1).sum() > 0.0:
        reason = f"no usable surface ({len(mesh.faces)} faces, total area 0)"
        raise MeshError(path, reason, fault="no_area")
