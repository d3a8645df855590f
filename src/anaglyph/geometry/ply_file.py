"""A mesh as a PLY file: binary, with colours of vertices where it has any."""

from __future__ import annotations

import numpy as np

from anaglyph.geometry.mesh import Mesh
from anaglyph.geometry.normalize import to_y_up
from anaglyph.geometry.vertex_colours import coloured_vertices

_FACE = np.dtype([("count", "u1"), ("corners", "<i4", 3)])


def ply_bytes(mesh: Mesh) -> bytes:
    """Binary PLY of a mesh, +y up; textures become colours of vertices."""
    vertices, faces, colours = coloured_vertices(to_y_up(mesh))
    fields: list[tuple[str, str]] = [(axis, "<f4") for axis in "xyz"]
    kinds = ["float"] * 3
    if colours is not None:
        fields += [(name, "u1") for name in ("red", "green", "blue")]
        kinds += ["uchar"] * 3
    rows = np.empty(len(vertices), dtype=fields)
    columns = [*vertices.T, *([] if colours is None else colours.T)]
    for (name, _), column in zip(fields, columns, strict=True):
        rows[name] = column
    corners = np.empty(len(faces), dtype=_FACE)
    corners["count"], corners["corners"] = 3, faces
    header = [
        "ply", "format binary_little_endian 1.0", f"element vertex {len(vertices)}",
        *(f"property {kind} {name}" for kind, (name, _) in zip(kinds, fields, strict=True)),
        f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header", "",
    ]  # fmt: skip
    return "\n".join(header).encode("ascii") + rows.tobytes() + corners.tobytes()
