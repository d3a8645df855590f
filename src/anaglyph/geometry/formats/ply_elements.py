"""The elements of a PLY file as columns, with every count held against the bytes that are there."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.geometry.mesh_files import Folder
from anaglyph.geometry.mesh_parts import MalformedError
from anaglyph.io.ply import ORDERS, TYPES

_MAX_HEADER = 1 << 16
_CUT_OFF = "The file is damaged or cut off; export it again"


@dataclass
class Property:
    """A column: a number for each row, or a list whose length stands before it."""

    name: str
    kind: str
    length_kind: str = ""
    """Type of the length; empty for a plain number."""


@dataclass
class Lists:
    """A list for each row, all values one after the other."""

    counts: NDArray[np.int64]
    """(rows,) lengths."""
    values: NDArray[Any]


@dataclass
class Element:
    """What the header announces, and the columns that were read."""

    name: str
    count: int
    properties: list[Property] = field(default_factory=list)
    scalars: dict[str, NDArray[Any]] = field(default_factory=dict)
    lists: dict[str, Lists] = field(default_factory=dict)


def read_elements(data: bytes, folder: Folder) -> tuple[dict[str, Element], str]:
    """Every element by name, and the file that a comment names as texture ("" without one).

    Elements after the faces are not read: nothing of them is used.
    """
    end = data.find(b"end_header", 0, _MAX_HEADER)
    line_end = b"\r" if data[3:4] == b"\r" and data[4:5] != b"\n" else b"\n"  # as the first line ends
    body = data.find(line_end, end) + 1
    if not data.startswith(b"ply") or end < 0 or body == 0:
        raise MalformedError("it has no PLY header")
    order, elements, texture = _header(data[:end].decode("utf-8", errors="replace"))
    for element in elements:
        most = folder.limits.vertices if element.name == "vertex" else folder.limits.faces
        if element.count > most:
            raise MalformedError(
                f"it announces {element.count} elements '{element.name[:20]}'; at most {most} are read"
            )
    wanted = elements[
        : 1 + max((n for n, each in enumerate(elements) if each.name == "face"), default=len(elements))
    ]
    if order == "=":
        _read_text(data[body:], wanted)
    else:
        for element in wanted:
            body = _read_binary(data, body, element, order)
    return {element.name: element for element in elements}, texture


def _header(text: str) -> tuple[str, list[Element], str]:
    order, texture = "", ""
    elements: list[Element] = []
    for line in text.splitlines():
        match line.split():
            case ["format", name, *_]:
                order = ORDERS.get(name, "")
            case ["comment", "TextureFile", *_]:
                texture = line.partition("TextureFile")[2].strip()
            case ["element", name, count]:
                if not count.isdigit() or len(count) > 18:
                    raise MalformedError(f"its header announces '{count[:20]}' elements '{name[:20]}'")
                elements.append(Element(name, int(count)))
            case ["property", "list", length, kind, name] if elements and {length, kind} <= set(TYPES):
                elements[-1].properties.append(Property(name, TYPES[kind], TYPES[length]))
            case ["property", kind, name] if elements and kind in TYPES:
                elements[-1].properties.append(Property(name, TYPES[kind]))
            case ["property", *_]:
                raise MalformedError(f"cannot read its header line '{line.strip()[:80]}'")
            case _:
                pass
    if not order:
        raise MalformedError(f"its header names no format, or one other than {', '.join(ORDERS)}")
    return order, elements, texture


def _read_binary(data: bytes, start: int, element: Element, order: str) -> int:
    """Fill in the columns of one element; returns where the next one begins."""
    smallest = sum(np.dtype(each.length_kind or each.kind).itemsize for each in element.properties)
    if element.count * smallest > len(data) - start:
        raise MalformedError(
            f"it announces {element.count} elements '{element.name[:20]}', {element.count * smallest} bytes "
            f"or more, and {len(data) - start} are left. {_CUT_OFF}"
        )
    if not element.count or not element.properties:
        return start
    lengths = _lengths_of_first_row(data, start, element, order)
    record = _record(element, lengths, order)
    if start + element.count * record.itemsize <= len(data):
        rows = np.frombuffer(data, record, count=element.count, offset=start)
        uniform = all((rows[f"{name} length"] == length).all() for name, length in lengths.items())
        if uniform:
            _take_columns(element, rows, lengths)
            return start + element.count * record.itemsize
    return _read_rows(data, start, element, order)


def _lengths_of_first_row(data: bytes, start: int, element: Element, order: str) -> dict[str, int]:
    lengths: dict[str, int] = {}
    for each in element.properties:
        if each.length_kind:
            lengths[each.name] = _length(data, start, each, order)
            start += np.dtype(each.length_kind).itemsize
        start += lengths.get(each.name, 1) * np.dtype(each.kind).itemsize
    return lengths


def _length(data: bytes, start: int, each: Property, order: str) -> int:
    kind = np.dtype(order + each.length_kind)
    if start + kind.itemsize > len(data):
        raise MalformedError(f"it ends within a list '{each.name[:20]}'. {_CUT_OFF}")
    length = int(np.frombuffer(data, kind, count=1, offset=start)[0])
    if not 0 <= length <= len(data):
        raise MalformedError(f"a list '{each.name[:20]}' announces {length} values. {_CUT_OFF}")
    return length


def _record(element: Element, lengths: dict[str, int], order: str) -> np.dtype[np.void]:
    fields: list[tuple[Any, ...]] = []
    for each in element.properties:
        if each.length_kind:
            fields.append((f"{each.name} length", order + each.length_kind))
            fields.append((each.name, order + each.kind, (lengths[each.name],)))
        else:
            fields.append((each.name, order + each.kind))
    try:
        return np.dtype(fields)
    except (ValueError, TypeError) as error:
        raise MalformedError(f"the properties of '{element.name[:20]}' cannot be read ({error})") from error


def _take_columns(element: Element, rows: NDArray[np.void], lengths: dict[str, int]) -> None:
    for each in element.properties:
        if each.length_kind:
            counts = np.full(len(rows), lengths[each.name], dtype=np.int64)
            element.lists[each.name] = Lists(counts, np.ascontiguousarray(rows[each.name]).reshape(-1))
        else:
            element.scalars[each.name] = np.ascontiguousarray(rows[each.name])


def _read_rows(data: bytes, start: int, element: Element, order: str) -> int:
    """Row by row, for lists of different lengths: slow, and rare."""
    scalars: dict[str, list[Any]] = {each.name: [] for each in element.properties if not each.length_kind}
    pieces: dict[str, list[NDArray[Any]]] = {each.name: [] for each in element.properties if each.length_kind}
    for _ in range(element.count):
        for each in element.properties:
            length = 1
            if each.length_kind:
                length = _length(data, start, each, order)
                start += np.dtype(each.length_kind).itemsize
            kind = np.dtype(order + each.kind)
            if start + length * kind.itemsize > len(data):
                raise MalformedError(f"it ends within the elements '{element.name[:20]}'. {_CUT_OFF}")
            values = np.frombuffer(data, kind, count=length, offset=start)
            start += length * kind.itemsize
            if each.length_kind:
                pieces[each.name].append(values)
            else:
                scalars[each.name].append(values[0])
    element.scalars.update({name: np.array(values) for name, values in scalars.items()})
    for name, parts in pieces.items():
        element.lists[name] = Lists(
            np.array([len(part) for part in parts], dtype=np.int64), np.concatenate(parts)
        )
    return start


def _read_text(body: bytes, elements: list[Element]) -> None:
    lines = [line for line in body.splitlines() if line.strip()]
    row = 0
    for element in elements:
        if element.count > len(lines) - row:
            raise MalformedError(
                f"it announces {element.count} elements '{element.name[:20]}' and has "
                f"{len(lines) - row} lines for them. {_CUT_OFF}"
            )
        words = [line.split() for line in lines[row : row + element.count]]
        row += element.count
        try:
            _take_words(element, words)
        except (ValueError, IndexError, OverflowError) as error:
            raise MalformedError(
                f"a line of '{element.name[:20]}' does not hold the numbers it should ({error}). {_CUT_OFF}"
            ) from error


def _take_words(element: Element, rows: list[list[bytes]]) -> None:
    """Columns from text; `at` is where the next property begins in each row."""
    at = [0] * len(rows)
    for each in element.properties:
        if not each.length_kind:
            words = [row[position] for row, position in zip(rows, at, strict=True)]
            element.scalars[each.name] = _numbers(words, each.kind)
            at = [position + 1 for position in at]
            continue
        counts = [int(row[position]) for row, position in zip(rows, at, strict=True)]
        ends = [position + 1 + count for position, count in zip(at, counts, strict=True)]
        if any(count < 0 for count in counts) or any(
            end > len(row) for end, row in zip(ends, rows, strict=True)
        ):
            raise ValueError(f"a list '{each.name[:20]}' is shorter than it announces")
        spans = (row[position + 1 : end] for row, position, end in zip(rows, at, ends, strict=True))
        values = _numbers(list(chain.from_iterable(spans)), each.kind)
        element.lists[each.name] = Lists(np.array(counts, dtype=np.int64), values)
        at = ends


def _numbers(words: list[bytes], kind: str) -> NDArray[Any]:
    """Whole numbers keep their type, as colours need it; real ones all their digits."""
    if kind[0] in "iu":
        return np.array([int(float(word)) for word in words], dtype=np.int64).astype(
            np.int64 if np.dtype(kind).itemsize > 2 else kind
        )
    return np.array([float(word) for word in words], dtype=np.float64)
