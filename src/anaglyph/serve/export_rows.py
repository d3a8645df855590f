"""Rows of an export, one line at a time."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping

from anaglyph.search.items import Item

MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
Row = Mapping[str, object]


def item_row(item: Item, *, show_root: bool) -> dict[str, object]:
    """One item, flat; every row has the same columns."""
    facets = item.facets
    width, height, depth = facets.size
    return {
        "id": item.id,
        "root": item.root if show_root else "",
        "path": item.path,
        "state": item.state,
        "format": facets.format,
        "bytes": item.bytes,
        "vertices": facets.vertices,
        "faces": facets.faces,
        "width": width,
        "height": height,
        "depth": depth,
        "area": facets.area,
        "volume": facets.volume,
        "watertight": facets.watertight,
        "coloured": facets.coloured,
        "textured": facets.textured,
        "category": facets.category,
        "tags": " ".join(item.tags),
        "content": item.content,
        "problems": "; ".join(problem.reason for problem in item.problems),
    }


def csv_rows(rows: Iterable[Row]) -> Iterator[str]:
    """A line each, after one of columns; text that a spreadsheet would run begins with an apostrophe."""
    head = False
    for row in rows:
        if not head:
            yield _line(row.keys())
            head = True
        yield _line([_cell(value) for value in row.values()])


def json_rows(rows: Iterable[Row]) -> Iterator[str]:
    """One array, an object a line."""
    yield "["
    for place, row in enumerate(rows):
        yield ("\n" if not place else ",\n") + json.dumps(row, ensure_ascii=True, allow_nan=False)
    yield "\n]\n"


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value


def _line(values: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(values)
    return text.getvalue()
