"""Filters as they stand in addresses and bodies -> `search.items.Filters`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import Query

from anaglyph.errors import unknown_name
from anaglyph.search.items import Filters
from anaglyph.serve.errors import Code, RefusedError
from anaglyph.serve.schemas import FilterFields, Short, StateName

RANGES = (
    "faces", "vertices", "bytes", "area", "volume", "proportions", "width", "height", "depth", "longest",
    "added",
)  # fmt: skip
"""What has a least and a most."""
Bounds = tuple[float | None, float | None]
RangeText = Annotated[
    str | None,
    Query(max_length=60, description="LEAST:MOST, either of which may be missing", examples=["100:5000"]),
]
Several = Annotated[tuple[Short, ...], Query(max_length=200)]


async def query_filters(
    *,
    format: Several = (),
    category: Several = (),
    tag: Several = (),
    folder: Annotated[str | None, Query(max_length=4096)] = None,
    state: Annotated[tuple[StateName, ...], Query(max_length=10)] = ("ready",),
    problem: Several = (),
    watertight: bool | None = None,
    coloured: bool | None = None,
    textured: bool | None = None,
    name: Annotated[str | None, Query(max_length=200)] = None,
    faces: RangeText = None,
    vertices: RangeText = None,
    bytes: RangeText = None,
    area: RangeText = None,
    volume: RangeText = None,
    proportions: RangeText = None,
    width: RangeText = None,
    height: RangeText = None,
    depth: RangeText = None,
    longest: RangeText = None,
    added: RangeText = None,
) -> Filters:
    """The filters of an address: a parameter may stand several times where a list is meant."""
    given = {
        "faces": faces, "vertices": vertices, "bytes": bytes, "area": area, "volume": volume,
        "proportions": proportions, "width": width, "height": height, "depth": depth, "longest": longest,
        "added": added,
    }  # fmt: skip
    return _filters(
        FilterFields(
            formats=list(format),
            categories=list(category),
            tags=list(tag),
            folder=folder,
            states=list(state),
            problems=list(problem),
            watertight=watertight,
            coloured=coloured,
            textured=textured,
            name=name,
        ),
        {field: parse_range(field, text) for field, text in given.items() if text is not None},
    )


def body_filters(fields: FilterFields) -> Filters:
    """The filters of a body.

    Raises:
        RefusedError: a range of no facet, or one that holds nothing.
    """
    for field, (least, most) in fields.ranges.items():
        if field not in RANGES:
            raise _mistake(unknown_name("range", field[:100], RANGES), field[:100])
        _check_order(field, least, most)
    return _filters(fields, fields.ranges)


def parse_range(field: str, text: str) -> Bounds:
    """`100:5000`, `100:` or `:5000` as (least, most).

    Raises:
        RefusedError: something else.
    """
    left, colon, right = text.partition(":")
    try:
        least = float(left) if left.strip() else None
        most = float(right) if right.strip() else None
    except ValueError:
        least, colon = None, ""
    if not colon or any(bound is not None and not math.isfinite(bound) for bound in (least, most)):
        raise _mistake(
            f"{field}={text[:60]!r} is no range; write LEAST:MOST, such as 100:5000 or 100:.", field
        )
    _check_order(field, least, most)
    return least, most


def _check_order(field: str, least: float | None, most: float | None) -> None:
    if least is not None and most is not None and least > most:
        raise _mistake(
            f"{field} from {least:g} to {most:g} holds nothing; put the smaller number first.", field
        )


def _filters(fields: FilterFields, ranges: Mapping[str, Bounds]) -> Filters:
    return Filters(
        formats=tuple(each.lower().lstrip(".") for each in fields.formats),
        categories=tuple(fields.categories),
        tags=tuple(fields.tags),
        folder=fields.folder,
        states=_states(fields.states),
        problems=tuple(fields.problems),
        watertight=fields.watertight,
        coloured=fields.coloured,
        textured=fields.textured,
        ranges=dict(ranges),
        name=fields.name,
    )


def _states(given: Sequence[StateName]) -> tuple[StateName, ...]:
    return tuple(dict.fromkeys(given)) or ("ready",)


def _mistake(message: str, field: str) -> RefusedError:
    return RefusedError(422, Code.INVALID_REQUEST, message, details=[{"where": field, "what": message}])
