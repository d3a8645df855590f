"""COLLADA through pycollada: its arrays as parts, colours from effects, instances where their nodes are."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.geometry.formats.xml_gate import NUMBERS_CUT_SHORT, check_xml
from anaglyph.geometry.mesh import GREY, Material, Up
from anaglyph.geometry.mesh_files import Folder
from anaglyph.geometry.mesh_parts import (
    MalformedError,
    Parsed,
    Part,
    TooLargeError,
    colour_bytes,
    merged,
    placed,
    welded,
)
from anaglyph.geometry.mesh_textures import Textures

_UP_AXIS = re.compile(rb"<(?:\w+:)?up_axis>\s*([XYZ])_UP\s*</")
_LONG_INDEX = re.compile(rb"<(?:\w+:)?(?:p|vcount)>[^<]*?\d{10}")
_X_TO_Y = np.array([[0.0, -1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])


def read_dae(data: bytes, folder: Folder) -> Parsed:
    """A COLLADA scene; up is what its <up_axis> says, y without one, and x up is turned to y.

    Skinned meshes are left out. Parts that pycollada cannot read are left out and named in the notes.
    """
    check_xml(data)
    if _LONG_INDEX.search(data):  # pycollada would take what is beyond 32 bits modulo that
        raise MalformedError("an index has ten digits or more, and no mesh has so many vertices")
    import collada

    left_out = [collada.common.DaeUnsupportedError, collada.common.DaeBrokenRefError]
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=NUMBERS_CUT_SHORT)
        scene = collada.Collada(io.BytesIO(data), ignore=left_out)
    if scene.errors:
        folder.note(f"without {len(scene.errors)} parts that cannot be read ({str(scene.errors[0])[:100]})")
    parsed = Parsed()
    _collect(scene, parsed, folder)
    axis = _UP_AXIS.search(data)
    up: dict[bytes, Up] = {b"Z": "z"}
    parsed.up = up.get(axis.group(1), "y") if axis else "y"
    if axis is not None and axis.group(1) == b"X":
        folder.note("turned from x up to y up")
        parsed.parts = [placed(part, _X_TO_Y) for part in parsed.parts]
    return parsed


@dataclass
class _Materials:
    """The materials in the order of their first use."""

    textures: Textures
    table: list[Material]
    rows: dict[str, int] = field(default_factory=dict)

    def row(self, material: Any) -> int:
        if material.id not in self.rows:
            self.rows[material.id] = len(self.table)
            self.table.append(_material(material, self.textures))
        return self.rows[material.id]


def _collect(scene: Any, parsed: Parsed, folder: Folder) -> None:
    materials = _Materials(Textures(folder), parsed.materials)
    vertices = faces = 0
    for instance, matrix in _instances(scene.scene.nodes if scene.scene else [], folder):
        for part in _parts(instance, materials):
            vertices, faces = vertices + len(part.vertices), faces + len(part)
            if vertices > folder.limits.vertices or faces > folder.limits.faces:
                raise TooLargeError(folder.limits.vertices, folder.limits.faces)
            parsed.parts.append(placed(part, matrix))


def _parts(instance: Any, materials: _Materials) -> list[Part]:
    """The triangles of one geometry; those that share their vertices become one part."""
    bound = {each.symbol: each.target for each in instance.materials}
    groups: dict[tuple[int, int], list[Part]] = {}
    for number, primitive in enumerate(instance.geometry.primitives):
        triangles = primitive.triangleset() if hasattr(primitive, "triangleset") else primitive
        if type(triangles).__name__ != "TriangleSet" or triangles.vertex_index is None:
            continue
        part = _part(triangles)
        material = bound.get(triangles.material)
        if material is not None:
            part.face_material = np.full(len(part), materials.row(material))
        own = -1 if part.vertex_colours is None else number
        groups.setdefault((id(triangles.vertex), own), []).append(part)
    return [merged(parts) for parts in groups.values()]


def _instances(nodes: Any, folder: Folder) -> Iterator[tuple[Any, NDArray[np.float64]]]:
    """(instance of a geometry, (4, 4) transform) in the order of the file."""
    waiting = [(node, np.eye(4)) for node in reversed(nodes)]
    while waiting:
        node, matrix = waiting.pop()
        kind = type(node).__name__
        if kind in ("Node", "NodeNode"):
            inner = matrix @ np.asarray(node.matrix, dtype=np.float64)
            waiting.extend((child, inner) for child in reversed(node.children or []))
        elif kind == "GeometryNode":
            yield node, matrix
        elif kind == "ControllerNode":
            folder.note("without its skinned parts")


def _part(triangles: Any) -> Part:
    faces = np.asarray(triangles.vertex_index).astype(np.int64)
    part = Part(np.asarray(triangles.vertex, dtype=np.float64)[:, :3], faces)
    if not faces.size or int(faces.min()) < 0:
        return part  # named later, with all other faults of indices
    if triangles.texcoordset:
        values, rows = np.asarray(triangles.texcoordset[0]), np.asarray(triangles.texcoord_indexset[0])
        if rows.size and int(rows.min()) >= 0:
            part.corner_uv = values[rows][..., :2]
    colours = triangles.sources.get("COLOR")
    if colours:
        values, rows = np.asarray(colours[0][4].data), triangles.index[:, :, colours[0][0]]
        if 0 <= int(rows.min()) <= int(rows.max()) < len(values):
            return _coloured(part, colour_bytes(values[rows][..., :3].reshape(-1, 3)))
    return part


def _coloured(part: Part, colours: NDArray[np.uint8]) -> Part:
    """Colours stand at corners: a vertex with several of them becomes several."""
    vertices = np.asarray(part.vertices)[part.faces.reshape(-1)]
    faces = np.arange(3 * len(part)).reshape(-1, 3)
    return welded(Part(vertices, faces, colours, part.corner_uv))


def _material(material: Any, textures: Textures) -> Material:
    """The diffuse colour or texture of a material's effect; colours are sRGB as they stand."""
    name = str(material.name or material.id or "")
    diffuse = getattr(material.effect, "diffuse", None)
    if diffuse is None:
        return Material(name)
    sampler = getattr(diffuse, "sampler", None)
    if sampler is not None:
        picture = textures.named(str(sampler.surface.image.path))
        return Material(name, GREY if picture is None else (1.0, 1.0, 1.0), picture)
    red, green, blue = (float(min(max(channel, 0.0), 1.0)) for channel in tuple(diffuse)[:3])
    return Material(name, (red, green, blue))
