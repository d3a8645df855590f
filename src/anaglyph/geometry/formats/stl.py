"""STL, binary and text. Equal corners become one vertex, which is how the format means them."""

from __future__ import annotations

import re

import numpy as np

from anaglyph.geometry.mesh_files import Folder
from anaglyph.geometry.mesh_parts import MalformedError, Parsed, Part, welded

_HEADER = 84
_RECORD = np.dtype([("normal", "<f4", (3,)), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_VERTEX = re.compile(rb"vertex\s+(\S+)\s+(\S+)\s+(\S+)", re.IGNORECASE)


def read_stl(data: bytes, folder: Folder) -> Parsed:
    """The triangles of an STL file; colours that some programs hide in its attribute bytes are not read."""
    count = int.from_bytes(data[80:_HEADER], "little")
    if len(data) >= _HEADER and len(data) == _HEADER + count * _RECORD.itemsize:
        corners = np.frombuffer(data, dtype=_RECORD, count=count, offset=_HEADER)["corners"]
    elif data[:5].lower() == b"solid" and (
        b"facet" in data[:4096].lower() or b"endsolid" in data[-4096:].lower()
    ):
        corners = _text(data)
    elif count and (after := len(data) - _HEADER - count * _RECORD.itemsize) > 0 and after % _RECORD.itemsize:
        # whole triangles more would mean that the count is wrong
        folder.note(f"without {after} bytes after the {count} triangles that it announces")
        corners = np.frombuffer(data, dtype=_RECORD, count=count, offset=_HEADER)["corners"]
    elif len(data) < _HEADER:
        raise MalformedError(f"it has {len(data)} bytes; a binary STL file has at least {_HEADER}")
    else:
        raise MalformedError(
            f"it announces {count} triangles, which take {_HEADER + count * _RECORD.itemsize} bytes, and has "
            f"{len(data)}. The file is damaged or cut off; export it again"
        )
    faces = np.arange(3 * len(corners)).reshape(-1, 3)
    part = Part(corners.reshape(-1, 3), faces)
    return Parsed([welded(part) if len(part) else part], up="z")


def _text(data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    if b"endsolid" not in data[-4096:].lower():
        raise MalformedError("it is cut off: 'endsolid' is missing. Export it again")
    found = _VERTEX.findall(data)
    if len(found) % 3:
        raise MalformedError(f"it has {len(found)} corners, which is no multiple of 3. Export it again")
    try:
        values = np.array(found, dtype=bytes).reshape(-1, 3).astype(np.float64)
    except ValueError as error:
        raise MalformedError(f"a corner is not three numbers ({error})") from error
    return values.reshape(-1, 3, 3)
