"""Hits and groups of duplicates as flat rows, as JSON and as CSV that a spreadsheet does not run."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from anaglyph.search.dedup import Group
from anaglyph.search.items import Item
from anaglyph.search.searcher import Found
from anaglyph.search.store import Store

Row = Mapping[str, object]
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
ITEM_COLUMNS = (
    "id", "name", "path", "root", "format", "bytes", "vertices", "faces", "width", "height", "depth",
    "watertight", "category", "tags",
)  # fmt: skip
HIT_COLUMNS = ("score", "close", "view", *ITEM_COLUMNS)
GROUP_COLUMNS = ("group", "kind", "cosine", *ITEM_COLUMNS)


def hit_rows(found: Found) -> list[dict[str, object]]:
    """A row for each hit, with `HIT_COLUMNS`."""
    return [
        {"score": round(hit.score, 6), "close": hit.close, "view": hit.view, **item_row(hit.item)}
        for hit in found.hits
    ]


def group_rows(groups: Sequence[Group], store: Store) -> list[dict[str, object]]:
    """A row for each item of each group, with `GROUP_COLUMNS`; groups count from 1."""
    items = {item.id: item for item in store.items([id for group in groups for id in group.ids])}
    return [
        {"group": number, "kind": group.kind, "cosine": round(cosine, 6), **item_row(items[id])}
        for number, group in enumerate(groups, start=1)
        for id, cosine in zip(group.ids, group.cosines, strict=True)
        if id in items
    ]


def item_row(item: Item) -> dict[str, object]:
    """What a list shows of an item; lengths in the file's own units."""
    facets = item.facets
    width, height, depth = facets.size
    return {
        "id": item.id, "name": item.name, "path": item.path, "root": item.root, "format": facets.format,
        "bytes": item.bytes, "vertices": facets.vertices, "faces": facets.faces, "width": width,
        "height": height, "depth": depth, "watertight": facets.watertight, "category": facets.category,
        "tags": list(item.tags),
    }  # fmt: skip


def csv_text(columns: Sequence[str], rows: Iterable[Row]) -> str:
    """A line of columns and one for each row; text that a spreadsheet would run begins with an apostrophe."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([_cell(column) for column in columns])
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        value = " ".join(map(str, value))
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value
