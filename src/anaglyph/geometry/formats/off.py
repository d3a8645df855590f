"""OFF, text, with its variants for colours and normals; polygons become fans of triangles."""

from __future__ import annotations

import re
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from anaglyph.geometry.mesh_files import Folder
from anaglyph.geometry.mesh_parts import (
    MalformedError,
    Parsed,
    Part,
    colour_bytes,
    fan,
    with_face_colours,
)

_KIND = re.compile(rb"\s*(ST)?(C)?(N)?(4)?(n)?OFF(.*)", re.DOTALL)
_COMMENT = re.compile(rb"#[^\n]*")


def read_off(data: bytes, folder: Folder) -> Parsed:
    """Vertices, polygons and colours of an OFF file.

    ModelNet writes some headers without a line break ("OFF3514 3546 0"); they are read too.
    """
    match = _KIND.match(_COMMENT.sub(b"", data))
    if match is None:
        raise MalformedError("it does not begin with OFF")
    _, coloured, _, four, dimensions, rest = match.groups()
    if four or dimensions or rest[:16].lstrip().upper().startswith(b"BINARY"):
        raise MalformedError("only text OFF files of three dimensions are read; convert it to PLY")
    lines = [line for line in rest.splitlines() if line.strip()]
    vertices, faces = _counts(lines, folder)
    rows = [line.split() for line in lines[1 : vertices + 1]]
    polygons = [line.split() for line in lines[vertices + 1 : vertices + faces + 1]]
    try:
        part = Part(_numbers(rows, 0, 3), *_faces(polygons))
        if coloured and rows and all(len(row) >= 6 for row in rows):
            part.vertex_colours = _colours(_numbers(rows, -4 if len(rows[0]) % 3 else -3, 3))
        return Parsed([_with_colours_of_faces(part, polygons, folder)])
    except ValueError as error:
        raise MalformedError(f"a line does not hold the numbers it should ({error})") from error


def _counts(lines: list[bytes], folder: Folder) -> tuple[int, int]:
    words = lines[0].split() if lines else []
    if len(words) < 2 or not all(word.isdigit() and len(word) < 19 for word in words[:2]):
        raise MalformedError("the line with the numbers of vertices and faces is missing or damaged")
    vertices, faces = int(words[0]), int(words[1])
    if vertices + faces > len(lines) - 1:
        raise MalformedError(
            f"it announces {vertices} vertices and {faces} faces and has {len(lines) - 1} lines for them. "
            f"The file is damaged or cut off; export it again"
        )
    return vertices, faces


def _numbers(rows: list[list[bytes]], start: int, count: int) -> NDArray[np.float64]:
    """(len(rows), count) the words from `start` on, which may count from the end."""
    picked = [row[start : start + count or None] for row in rows]
    if any(len(row) != count for row in picked):
        raise ValueError(f"fewer than {count} numbers")
    return np.array(list(chain.from_iterable(picked)), dtype=bytes).astype(np.float64).reshape(-1, count)


def _faces(polygons: list[list[bytes]]) -> tuple[NDArray[np.int64]]:
    counts = np.array([int(row[0]) for row in polygons], dtype=np.int64)
    if (counts < 0).any() or any(len(row) <= count for row, count in zip(polygons, counts, strict=True)):
        raise ValueError("a face has fewer corners than it announces")
    words = chain.from_iterable(row[1 : count + 1] for row, count in zip(polygons, counts, strict=True))
    corners = np.fromiter(map(int, words), dtype=np.int64, count=int(counts.sum()))
    return (corners[fan(counts)[0]].reshape(-1, 3),)


def _with_colours_of_faces(part: Part, polygons: list[list[bytes]], folder: Folder) -> Part:
    """Colours after the corners of each face: three or four numbers, of 255 or of 1."""
    extra = [row[int(row[0]) + 1 :] for row in polygons]
    if part.vertex_colours is not None or not any(len(row) in (3, 4) for row in extra):
        return part
    bare = sum(len(row) not in (3, 4) for row in extra)
    if bare:
        folder.note(f"without the colours of its faces, since {bare} of {len(extra)} have none")
        return part
    if not 0 <= int(part.faces.min(initial=0)) <= int(part.faces.max(initial=0)) < len(part.vertices):
        return part  # named later, with all other faults of indices
    counts = np.array([int(row[0]) for row in polygons], dtype=np.int64)
    return with_face_colours(part, _colours(_numbers(extra, 0, 3))[fan(counts)[1]])


def _colours(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return colour_bytes(values if values.max(initial=0.0) <= 1.0 else values / 255.0)
