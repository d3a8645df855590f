"""`anaglyph search`: a picture, words, a model or an item in, the closest models of an index out."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from anaglyph.errors import ConfigError

if TYPE_CHECKING:
    from anaglyph.search.items import Item
    from anaglyph.search.parts import Part
    from anaglyph.search.searcher import Found

UNWANTED = 0.5
"""Weight of what is not wanted, where none is said."""
YesNo = Literal["yes", "no"]


def search(
    queries: tyro.conf.Positional[tuple[str, ...]] = (),
    *,
    like: tyro.conf.UseAppendAction[tuple[int, ...]] = (),
    unwanted: Annotated[tuple[str, ...], tyro.conf.arg(name="not"), tyro.conf.UseAppendAction] = (),
    weight: str | None = None,
    box: str | None = None,
    mask: Path | None = None,
    format: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    category: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    tag: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    folder: str | None = None,
    name: str | None = None,
    problem: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    watertight: YesNo | None = None,
    coloured: YesNo | None = None,
    textured: YesNo | None = None,
    faces: str | None = None,
    vertices: str | None = None,
    bytes: str | None = None,
    area: str | None = None,
    volume: str | None = None,
    proportions: str | None = None,
    width: str | None = None,
    height: str | None = None,
    depth: str | None = None,
    longest: str | None = None,
    added: str | None = None,
    limit: int = 20,
    page: int = 1,
    index: Path | None = None,
    store: str | None = None,
    data_root: Path | None = None,
    json: bool = False,
    csv: bool = False,
) -> int:
    """Find 3D models by words, a picture, a model, or another item of the index.

    A query of several parts is the sum of their unit vectors, each times its weight. Options that may be
    given several times take one value each: --tag red --tag small. Ranges are LEAST:MOST in the files' own
    units: --faces 100:5000, --height :0.5. Exit code 1 when nothing is close: when no hit stands out
    from the index further than chance, that is the best hits of queries that mean nothing.

    Args:
        queries: words; paths of pictures (png, jpg, webp) and of models are recognised by their suffix.
        like: ids of items to find more of.
        unwanted: words or files to stay away from.
        weight: of each part, with commas, in the order of queries, --like and --not; by default 1, and 0.5
            for --not.
        box: left,top,right,bottom of the object in the picture, as fractions, such as 0.1,0.2,0.6,0.9.
        mask: a picture that is bright where the object is.
        format: suffixes, such as glb.
        category: any of these.
        tag: all of these.
        folder: this one below the indexed folder, and those below it.
        name: letters in the path.
        problem: files with any of these problems.
        watertight: closed surfaces, or open ones.
        coloured: with colours, or without.
        textured: with textures, or without.
        faces: range.
        vertices: range.
        bytes: range of file sizes.
        area: range.
        volume: range, of closed surfaces.
        proportions: range of height over the longer of width and depth.
        width: range.
        height: range.
        depth: range.
        longest: range of the longest side.
        added: range of UTC seconds.
        limit: hits on a page, at most 200.
        page: from 1.
        index: folder of the index; by default anaglyph/index in your data folder.
        store: address of a PostgreSQL database instead.
        data_root: folder where relative sources of towers start; default $ANAGLYPH_DATA, else ../shared/data.
        json: print JSON.
        csv: print CSV.
    """
    from anaglyph.cli.places import data_root as root
    from anaglyph.cli.places import index_place
    from anaglyph.search.items import Filters
    from anaglyph.search.open_searcher import open_searcher
    from anaglyph.search.query_words import parse_ranges

    if json and csv:
        raise ConfigError("give --json or --csv, not both.")
    if page < 1:
        raise ConfigError(f"page must be >= 1, got {page}.")
    filters = Filters(
        formats=tuple(each.lower().lstrip(".") for each in format), categories=category, tags=tag,
        folder=None if folder is None else folder.strip("/"), name=name, problems=problem,
        watertight=_flag(watertight), coloured=_flag(coloured), textured=_flag(textured),
        ranges=parse_ranges(
            {
                "faces": faces, "vertices": vertices, "bytes": bytes, "area": area, "volume": volume,
                "proportions": proportions, "width": width, "height": height, "depth": depth,
                "longest": longest, "added": added,
            }
        ),
    )  # fmt: skip
    parts = _parts(queries, like, unwanted, weight, box=box, mask=mask)
    with open_searcher(index_place(index, store), root=root(data_root)) as searcher:
        found = searcher.search(parts, filters=filters, limit=limit, offset=(page - 1) * limit)
    _print(found, page=page, limit=limit, json=json, csv=csv)
    return 1 if found.nothing_close else 0


def _parts(
    queries: Sequence[str],
    like: Sequence[int],
    unwanted: Sequence[str],
    weight: str | None,
    *,
    box: str | None,
    mask: Path | None,
) -> list[Part]:
    """The parts with their weights; --not turns them round."""
    from anaglyph.search.parts import LikePart
    from anaglyph.search.query_words import parse_box, parts_of

    wanted = parts_of(queries, box=None if box is None else parse_box(box), mask=mask)
    wanted += [LikePart(id=id) for id in like]
    away = parts_of(unwanted, together=False)
    parts = [*wanted, *(replace(part, weight=UNWANTED) for part in away)]
    if not parts:
        raise ConfigError("nothing to search for; give words, a picture, a model or --like ID.")
    if weight is not None:
        weights = _weights(weight, len(parts))
        parts = [replace(part, weight=each) for part, each in zip(parts, weights, strict=True)]
    return [
        replace(part, weight=-abs(part.weight)) if place >= len(wanted) else part
        for place, part in enumerate(parts)
    ]


def _weights(text: str, parts: int) -> list[float]:
    try:
        weights = [float(each) for each in text.split(",")]
    except ValueError as error:
        raise ConfigError(f"weight is {text[:60]!r}; write numbers with commas, such as 1,0.5.") from error
    if len(weights) != parts:
        raise ConfigError(f"{len(weights)} weights for {parts} parts of the query; give one for each.")
    return weights


def _flag(text: YesNo | None) -> bool | None:
    return None if text is None else text == "yes"


def _print(found: Found, *, page: int, limit: int, json: bool, csv: bool) -> None:
    from anaglyph.search.export import HIT_COLUMNS, csv_text, hit_rows

    for note in found.notes:
        print(f"note: {note}", file=sys.stderr)
    if csv:
        sys.stdout.write(csv_text(HIT_COLUMNS, hit_rows(found)))
    elif json:
        facts = {
            "total": found.total, "page": page, "limit": limit, "close": found.close, "gap": found.gap,
            "nothing_close": found.nothing_close, "recall": found.recall, "notes": list(found.notes),
            "hits": hit_rows(found),
        }  # fmt: skip
        print(jsonlib.dumps(facts))
    else:
        _table(found, page)


def _table(found: Found, page: int) -> None:
    """Close hits, then the others under a line that says what they are."""
    from anaglyph.cli.tables import show_table

    columns = ("score", "id", "name", "size", "faces", "path")
    close = [_cells(hit.score, hit.item) for hit in found.hits if hit.close]
    far = [_cells(hit.score, hit.item) for hit in found.hits if not hit.close]
    if not found.hits:
        print("nothing found: no item passes the filters, or the page is beyond the last." if not found.total
              else f"nothing on page {page}; {found.total} items pass.")  # fmt: skip
        return
    if close:
        gap = f", a clear gap after the first {found.gap}" if found.gap else ""
        measured = "" if found.close is None else " close"  # too few items say nothing about unrelated ones
        show_table(f"{len(close)}{measured} of {found.total}{gap}", columns, close)
    if far:
        than = "" if found.close is None else f" (chance reaches {found.close:.3f})"
        show_table(f"{'less close' if close else 'nothing close'}{than}", columns, far)


def _cells(score: float, item: Item) -> tuple[str, ...]:
    from anaglyph.geometry.mesh_channel import printable

    size = " x ".join(f"{side:.3g}" for side in item.facets.size)
    return (
        f"{score:.3f}", str(item.id), printable(item.name), size, str(item.facets.faces), printable(item.path)
    )  # fmt: skip
