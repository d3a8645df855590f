"""What a run leaves for people: report.json with the numbers, and one report.html with pictures.

The page stands alone: no script, no request, pictures and charts inside it, and a content policy that
forbids anything else. Every word passes the template's escaping, so a file name can never become markup.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

import jinja2
import numpy as np

from anaglyph.evaluation.charts import HEIGHT, WIDTH, Curve, lay_out, number, thin
from anaglyph.evaluation.heat_map import HeatMap
from anaglyph.evaluation.page_parts import Picture, encodable, picture_address
from anaglyph.io.atomic import write_text

__all__ = [
    "Cell",
    "Curve",
    "Gallery",
    "GalleryRow",
    "HeatMap",
    "Hit",
    "Picture",
    "Report",
    "Table",
    "write_report",
]

Cell: TypeAlias = str | int | float | None


@dataclass(frozen=True)
class Table:
    """Rows of numbers under column names; the first column names the rows."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    """What the numbers mean: split, inputs, seeds, spread."""
    bars: Sequence[str] = ()
    """Columns whose numbers also get a bar: of 1 if all lie in [0, 1], else of the largest."""
    highlight: Sequence[int] = ()
    """Rows to set off, 0-based."""


@dataclass(frozen=True)
class Hit:
    """One retrieved object."""

    picture: Picture
    caption: str
    correct: bool | None = None
    """Of the query's class; None where that is not known."""


@dataclass(frozen=True)
class GalleryRow:
    """A query and what it found, best first."""

    query: Picture
    caption: str
    hits: Sequence[Hit]


@dataclass(frozen=True)
class Gallery:
    """Queries and their hits as pictures."""

    title: str
    rows: Sequence[GalleryRow]
    note: str = ""
    words: tuple[str, str] = ("same class", "another class")
    """What a correct hit and a wrong one are called."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything a report shows, in reading order."""

    title: str
    method: str
    preset: str
    summary: str = ""
    """One or two sentences: what was done, on what, with what result."""
    headlines: Mapping[str, Cell] = field(default_factory=dict)
    """Label -> the few numbers that matter most."""
    tables: Sequence[Table] = ()
    heat_maps: Sequence[HeatMap] = ()
    curves: Sequence[Curve] = ()
    galleries: Sequence[Gallery] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    """Label -> value: data, split, seeds, versions, time."""


def write_report(report: Report, folder: Path) -> Path:
    """Write report.json and report.html into `folder`, each atomically; returns the page's path."""
    data = json.dumps(_numbers(report), indent=2, ensure_ascii=False, allow_nan=False)
    page = _page(report)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "report.json", encodable(data + "\n"))
    write_text(folder / "report.html", encodable(page))
    return folder / "report.html"


def _numbers(report: Report) -> dict[str, Any]:
    """The report without pictures, as JSON can hold it; NaN and infinity become null, curves are as drawn."""
    shown: dict[str, Any] = {
        "title": report.title,
        "method": report.method,
        "preset": report.preset,
        "summary": report.summary,
        "headlines": report.headlines,
        "tables": [
            {"title": table.title, "columns": table.columns, "rows": table.rows, "note": table.note}
            for table in report.tables
        ],
        "heat_maps": [
            {
                "title": each.title,
                "names": each.names,
                "counts": [[cell.count for cell in row] for row in each.rows],
                "note": each.note,
            }
            for each in report.heat_maps
        ],
        "curves": [
            {
                "title": curve.title,
                "x": curve.x,
                "y": curve.y,
                "series": {name: thin(points) for name, points in curve.series.items()},
            }
            for curve in report.curves
        ],
        "facts": report.facts,
    }
    plain: dict[str, Any] = _plain(shown)
    return plain


def _page(report: Report) -> str:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"cell": _cell, "picture": picture_address}
    environment.filters |= {"pixelated": _is_small, "breakable": _breakable}
    source = files("anaglyph.evaluation").joinpath("report.html.j2").read_text(encoding="utf-8")
    return environment.from_string(source).render(
        report=report,
        tables=[_table_view(table) for table in report.tables],
        charts=[lay_out(curve) for curve in report.curves],
        width=WIDTH,
        height=HEIGHT,
    )


def _table_view(table: Table) -> dict[str, Any]:
    """A table with its cells as text, alignment and bar lengths in percent."""
    for row in table.rows:
        if len(row) != len(table.columns):
            raise ValueError(
                f"table '{table.title}' has {len(table.columns)} columns, but a row has {len(row)} cells"
            )
    columns = [[_plain(row[place]) for row in table.rows] for place in range(len(table.columns))]
    numeric = [all(cell is None or _is_number(cell) for cell in column) for column in columns]
    bars = [
        _bars(column) if name in table.bars else [None] * len(column)
        for name, column in zip(table.columns, columns, strict=True)
    ]
    return {
        "title": table.title,
        "note": table.note,
        "columns": list(zip(table.columns, numeric, strict=True)),
        "rows": [
            {
                "strong": place in table.highlight,
                "cells": [
                    {"text": _cell(column[place]), "numeric": right, "bar": bar[place]}
                    for column, right, bar in zip(columns, numeric, bars, strict=True)
                ],
            }
            for place in range(len(table.rows))
        ],
    }


def _bars(column: list[Any]) -> list[float | None]:
    values = [cell if _is_number(cell) and math.isfinite(cell) else 0.0 for cell in column]
    scale = max([1.0, *values]) if all(value <= 1 for value in values) else max(values)
    return [round(100 * max(value, 0.0) / scale, 2) for value in values]


def _cell(value: Any) -> str:
    value = _plain(value)
    if value is None:
        return "–"
    if isinstance(value, float) and abs(value) < 1e4:
        return f"{value:.3f}" if value == 0 or abs(value) >= 1e-3 else f"{value:.2g}"
    return number(value) if _is_number(value) else str(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_plain(item) for item in value]
    return str(value)


def _breakable(text: str) -> list[str]:
    """`text` in parts between which a line may end: after the "/" and "_" of ids, which are words else."""
    return re.findall(r"[^/_]*[/_]|[^/_]+", text) or [text]


def _is_small(picture: Picture) -> bool:
    """Small enough that crisp squares beat blur when it is drawn larger."""
    height, width = picture.shape[:2]
    return bool(height <= 40 and width <= 40)
