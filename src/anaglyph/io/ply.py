"""Vertices of PLY files: ascii, binary little endian and binary big endian (Turk, 1994).

The vertex positions are read, and their colours where asked for. Other elements, such as the camera that PCL
appends, and other vertex properties, such as normals, are skipped by their declared sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.io.number_text import read_columns

TYPES = {
    **dict.fromkeys(("char", "int8"), "i1"),
    **dict.fromkeys(("uchar", "uint8"), "u1"),
    **dict.fromkeys(("short", "int16"), "i2"),
    **dict.fromkeys(("ushort", "uint16"), "u2"),
    **dict.fromkeys(("int", "int32"), "i4"),
    **dict.fromkeys(("uint", "uint32"), "u4"),
    **dict.fromkeys(("float", "float32"), "f4"),
    **dict.fromkeys(("double", "float64"), "f8"),
}
ORDERS = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}
COLOURS = (("red", "green", "blue"), ("diffuse_red", "diffuse_green", "diffuse_blue"))
"""Names under which programs keep vertex colours."""
_MAX_HEADER = 1 << 16


@dataclass
class _Element:
    name: str
    count: int
    properties: list[tuple[str, str]] = field(default_factory=list)
    """(name, numpy type) of the scalar ones."""
    has_list: bool = False


def ply_cloud(data: bytes, *, most: int) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """(N, 3) vertex positions and (N, 3) colours, both as stored; None where there are no colours.

    Positions of ascii files are float64, whatever type the header states: what counts is their digits.

    Raises:
        ValueError: what is wrong with the file, or that it has more than `most` vertices.
    """
    element, order, body = _vertices(data)
    if element.count > most:
        raise ValueError(f"it has {element.count} vertices; at most {most} are read")
    kinds = dict(element.properties)
    names = next((each for each in COLOURS if set(each) <= set(kinds)), ())
    wanted = ("x", "y", "z", *names)
    if order == "=":
        table = _ascii(data, body, element, wanted)
        whole = all(kinds[name][0] in "iu" for name in names)
        colours = table[:, 3:].astype(np.int64 if whole else np.float64)
        return table[:, :3], colours if names else None
    columns = _binary(data, body, element, order, wanted)
    return np.stack(columns[:3], axis=1), np.stack(columns[3:], axis=1) if names else None


def _vertices(data: bytes) -> tuple[_Element, str, int]:
    """The vertex element, the byte order and where its rows begin."""
    end = data.find(b"end_header", 0, _MAX_HEADER)
    body = data.find(b"\n", end) + 1
    if not data.startswith(b"ply") or end < 0 or body == 0:
        raise ValueError("no PLY header")
    order, elements = _header(data[:end].decode("ascii", errors="replace"))
    for element in elements:
        if element.name == "vertex":
            names = [name for name, _ in element.properties]
            if element.has_list or not {"x", "y", "z"} <= set(names):
                raise ValueError(f"the vertices have no plain x, y, z (properties: {', '.join(names)})")
            return element, order, body
        if order == "=":
            body = _skip_lines(data, body, element.count)
        elif element.has_list:
            raise ValueError(f"the list element '{element.name}' stands before the vertices")
        else:
            body += element.count * _record(element, order).itemsize
    raise ValueError("no vertex element")


def _header(text: str) -> tuple[str, list[_Element]]:
    order, elements = "", []
    for line in text.splitlines():
        match line.split():
            case ["format", name, *_]:
                order = ORDERS.get(name, "")
            case ["element", name, count]:
                elements.append(_Element(name, _count(count)))
            case ["property", "list", *_] if elements:
                elements[-1].has_list = True
            case ["property", kind, name] if elements and kind in TYPES:
                elements[-1].properties.append((name, TYPES[kind]))
            case ["property", *_]:
                raise ValueError(f"cannot read the header line '{line.strip()}'")
            case _:
                pass
    if not order:
        raise ValueError(f"no format line, or a format other than {', '.join(ORDERS)}")
    return order, elements


def _count(text: str) -> int:
    if not text.isdigit():
        raise ValueError(f"an element count is '{text[:20]}'")
    return int(text)


def _record(element: _Element, order: str) -> np.dtype[np.void]:
    return np.dtype([(name, order + kind) for name, kind in element.properties])


def _binary(
    data: bytes, start: int, element: _Element, order: str, wanted: Sequence[str]
) -> list[NDArray[Any]]:
    """The column of each wanted property, in its own type."""
    record = _record(element, order)
    needed = element.count * record.itemsize
    if len(data) - start < needed:
        raise ValueError(
            f"truncated: {element.count} vertices need {needed} bytes, {max(len(data) - start, 0)} are there"
        )
    rows = np.frombuffer(data, dtype=record, count=element.count, offset=start)
    return [rows[name] for name in wanted]


def _ascii(data: bytes, start: int, element: _Element, wanted: Sequence[str]) -> NDArray[np.float64]:
    """(vertices, wanted) numbers."""
    names = [name for name, _ in element.properties]
    return read_columns(
        data,
        [names.index(name) for name in wanted],
        start=start,
        end=_skip_lines(data, start, element.count),
        width=len(names),
        count=element.count,
    )


def _skip_lines(data: bytes, start: int, count: int) -> int:
    """Where the line after `count` lines begins."""
    for _ in range(count):
        end = data.find(b"\n", start)
        if end < 0:
            return len(data)
        start = end + 1
    return start
