"""Exports as they are sent: rows of `search.export`, a page at a time, without what callers may not know."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal

from anaglyph.search.export import Row, csv_text

MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
_PAGE = 1_000


def lines(
    columns: Sequence[str], rows: Iterable[Row], kind: Literal["csv", "json"], *, show_paths: bool
) -> Iterator[str]:
    """The pieces of a CSV table or a JSON array.

    Args:
        columns: of the table.
        rows: with at least these.
        kind: of file.
        show_paths: whether `root` is given.
    """
    shown = (row if show_paths else {**row, "root": ""} for row in rows)
    yield from _table(columns, shown) if kind == "csv" else _array(columns, shown)


def _table(columns: Sequence[str], rows: Iterator[Row]) -> Iterator[str]:
    yield csv_text(columns, islice(rows, _PAGE))
    while page := list(islice(rows, _PAGE)):
        yield csv_text(columns, page).partition("\r\n")[2]


def _array(columns: Sequence[str], rows: Iterator[Row]) -> Iterator[str]:
    yield "["
    for place, row in enumerate(rows):
        yield (",\n" if place else "\n") + json.dumps({name: row[name] for name in columns}, allow_nan=False)
    yield "\n]\n"
