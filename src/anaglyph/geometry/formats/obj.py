"""Wavefront OBJ: polygons, texture coordinates, vertex colours and materials, in the file's order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from anaglyph.geometry.formats.mtl import read_mtl
from anaglyph.geometry.mesh import Material
from anaglyph.geometry.mesh_files import Folder
from anaglyph.geometry.mesh_parts import MalformedError, Parsed, Part, colour_bytes, fan
from anaglyph.geometry.mesh_textures import Textures

_NAMED = (b"usemtl", b"mtllib")
"""Keywords whose names may hold a #; elsewhere it begins a comment."""


@dataclass
class _Lines:
    """What the lines of the file say, before numbers are made of it."""

    vertices: list[list[bytes]] = field(default_factory=list)
    uv: list[list[bytes]] = field(default_factory=list)
    corners: list[bytes] = field(default_factory=list)
    """Such as b"3/1/2", all polygons one after the other."""
    counts: list[int] = field(default_factory=list)
    """Corners of each polygon."""
    before: list[tuple[int, int]] = field(default_factory=list)
    """Vertices and texture coordinates that stood before each polygon; negative indices count from there."""
    material: list[int] = field(default_factory=list)
    names: dict[bytes, int] = field(default_factory=dict)
    """Materials in the order of their first use."""
    libraries: list[bytes] = field(default_factory=list)


def read_obj(data: bytes, folder: Folder) -> Parsed:
    """One part with all faces of the file in their order; lines, points and curves are left out.

    Polygons become fans around their first corner, which is exact for convex ones.
    """
    lines = _sorted_lines(data)
    try:
        part, colours = _part(lines, folder)
    except (ValueError, OverflowError) as error:
        raise MalformedError(f"a line does not hold the numbers it should ({error})") from error
    parsed = Parsed([part])
    part.vertex_colours = colours
    if lines.names:
        known = _libraries(lines.libraries, folder)
        names = [name.decode("utf-8", errors="surrogateescape") for name in lines.names]
        parsed.materials = [known.get(name, Material(name)) for name in names]
        missing = [name for name in names if name not in known]
        if missing and lines.libraries:
            folder.note(
                f"{len(missing)} materials are in no library, '{missing[0][:40]}' first; they are grey"
            )
    return parsed


def libraries_of(rest: bytes) -> tuple[str, list[str]]:
    """What stands after `mtllib`: one name that may have blanks, or several names."""
    text = rest.decode("utf-8", errors="surrogateescape").strip()
    return text, text.split()


def _sorted_lines(data: bytes) -> _Lines:
    if b"\\\n" in data or b"\\\r\n" in data:
        data = data.replace(b"\\\r\n", b" ").replace(b"\\\n", b" ")
    lines = _Lines()
    material = -1
    for line in data.splitlines():
        words = line.split()
        if not words:
            continue
        key = words[0]
        if b"#" in line and key not in _NAMED:
            words = line.partition(b"#")[0].split() or [b"#"]
        if key == b"v":
            lines.vertices.append(words[1:])
        elif key == b"vt":
            lines.uv.append(words[1:3])
        elif key in (b"f", b"fo"):
            lines.corners.extend(words[1:])
            lines.counts.append(len(words) - 1)
            lines.before.append((len(lines.vertices), len(lines.uv)))
            lines.material.append(material)
        elif key == b"usemtl":
            name = line.strip()[6:].strip()
            material = lines.names.setdefault(name, len(lines.names))
        elif key == b"mtllib":
            lines.libraries.append(line.strip()[6:].strip())
    return lines


def _part(lines: _Lines, folder: Folder) -> tuple[Part, NDArray[np.uint8] | None]:
    counts = np.array(lines.counts, dtype=np.int64)
    corners, polygon = fan(counts)  # (F, 3), (F,)
    references = _references(lines.corners)  # (K, 1 or 2)
    owner = np.repeat(np.arange(len(counts)), counts)  # (K,) polygon of each corner
    before = np.array(lines.before, dtype=np.int64).reshape(-1, 2)
    vertices = _columns(lines.vertices, 3)
    faces = _rows(references[:, 0], before[owner, 0])[corners]
    uv = None
    if lines.uv and references.shape[1] > 1 and references[:, 1].any():
        uv = _corner_uv(lines, _rows(references[:, 1], before[owner, 1])[corners], folder)
    material = np.array(lines.material, dtype=np.int64)[polygon] if lines.names else None
    return Part(vertices, faces.reshape(-1, 3), None, uv, material), _colours(lines.vertices)


def _references(corners: Sequence[bytes]) -> NDArray[np.int64]:
    """(K, 2) vertex and texture coordinate of each corner as written; 0 where it has none."""
    if not corners:
        return np.zeros((0, 1), dtype=np.int64)
    slashes = {corner.count(b"/") for corner in corners}
    if len(slashes) == 1 and (width := slashes.pop()) <= 2:
        text = b" ".join(corners)
        if b"//" not in text and b"/ " not in text and not text.endswith(b"/"):
            words = text.replace(b"/", b" ").split()
            if len(words) == len(corners) * (width + 1):
                table = np.fromiter(map(int, words), dtype=np.int64, count=len(words))
                return table.reshape(-1, width + 1)[:, :2]
    pairs = [corner.split(b"/", 2) for corner in corners]
    return np.array(
        [(int(pair[0]), int(pair[1]) if len(pair) > 1 and pair[1] else 0) for pair in pairs], dtype=np.int64
    )


def _rows(written: NDArray[np.int64], before: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows from 0 of indices that count from 1, or backwards from -1; -1 for the impossible 0."""
    return np.where(written > 0, written - 1, np.where(written < 0, np.maximum(before + written, -1), -1))


def _columns(rows: Sequence[Sequence[bytes]], count: int) -> NDArray[np.float64]:
    picked = [row[:count] for row in rows]
    if any(len(row) < count for row in picked):
        raise ValueError(f"a line has fewer than {count} numbers")
    return np.array([float(word) for row in picked for word in row], dtype=np.float64).reshape(-1, count)


def _corner_uv(lines: _Lines, rows: NDArray[np.int64], folder: Folder) -> NDArray[np.float64]:
    values = np.array(
        [(float(row[0]), float(row[1]) if len(row) > 1 else 0.0) for row in lines.uv], dtype=np.float64
    )
    outside = (rows < 0) | (rows >= len(values))  # (F, 3)
    astray = int((rows >= len(values)).any(axis=1).sum())
    if astray:
        folder.note(f"{astray} faces point to texture coordinates that are not there; they are 0")
    uv = values[np.where(outside, 0, rows)]
    uv[outside] = 0.0
    return uv


def _colours(rows: Sequence[Sequence[bytes]]) -> NDArray[np.uint8] | None:
    """Colours that some programs write after each vertex, of 1 or of 255."""
    if not rows or any(len(row) < 6 for row in rows):
        return None
    values = np.array([float(word) for row in rows for word in row[3:6]], dtype=np.float64).reshape(-1, 3)
    return colour_bytes(values if np.nan_to_num(values).max() <= 1.0 else values / 255.0)


def _libraries(written: Sequence[bytes], folder: Folder) -> dict[str, Material]:
    textures = Textures(folder)
    materials: dict[str, Material] = {}
    for rest in dict.fromkeys(written):
        whole, several = libraries_of(rest)
        names = [whole] if len(several) < 2 or folder.exists(whole) else several
        for name in names:
            data = folder.optional(name, what="material library")
            if data is not None:
                materials = {**read_mtl(data, name, textures), **materials}
    return materials
