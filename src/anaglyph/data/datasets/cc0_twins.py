"""Objects of `cc0_objects` that are one design: same name, same shape or same picture.

Packs hold recoloured copies (a blue and a red shield) under different names, and some pictures stand for two
objects. Such objects must lie on the same side of every split, or a test object would have been seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from anaglyph.errors import DataError
from anaglyph.io.clouds import read_cloud

_STEP = 1e-3
"""Vertices are compared to this fraction of an object's size."""


def designs(names: Sequence[str], meshes: Sequence[Path], images: Sequence[Sequence[Path]]) -> list[str]:
    """Of each object, the first name of all that share a name, a shape or a picture with it, and so on.

    Meshes that cannot be read have no twins but by name and picture.
    """
    leader = list(range(len(names)))
    first: dict[tuple[str, str], int] = {}
    for row, (name, mesh, pictures) in enumerate(zip(names, meshes, images, strict=True)):
        marks = [("name", name), ("shape", _shape(mesh) or f"unreadable {row}")]
        marks += [("picture", hashlib.sha256(each.read_bytes()).hexdigest()) for each in pictures]
        for mark in marks:
            other = first.setdefault(mark, row)
            _join(leader, row, other)
    roots = [_root(leader, row) for row in range(len(names))]
    smallest: dict[int, str] = {}
    for name, root in zip(names, roots, strict=True):
        smallest[root] = min(name, smallest.get(root, name))
    return [smallest[root] for root in roots]


def _shape(mesh: Path) -> str | None:
    """A hash of the vertices, whatever their order, place and size; None for a file that cannot be read."""
    try:
        points = read_cloud(mesh)
    except DataError:
        return None
    points = points - (points.min(axis=0) + points.max(axis=0)) / 2
    size = np.linalg.norm(points, axis=1).max()
    cells = np.unique(np.round(points / max(float(size), 1e-12) / _STEP).astype(np.int64), axis=0)
    return hashlib.sha256(cells.tobytes()).hexdigest()


def _root(leader: list[int], row: int) -> int:
    while leader[row] != row:
        row = leader[row]
    return row


def _join(leader: list[int], row: int, other: int) -> None:
    leader[_root(leader, row)] = _root(leader, other)
