"""Lists to take along: items or hits as CSV, whose cells no spreadsheet takes for formulas, or JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response, StreamingResponse

from anaglyph.search.export import HIT_COLUMNS, ITEM_COLUMNS, hit_rows, item_row
from anaglyph.search.items import Filters
from anaglyph.serve.export_rows import MEDIA_TYPES, lines
from anaglyph.serve.filters import query_filters
from anaglyph.serve.query_form import asking
from anaglyph.serve.routes.search import BODY, REFUSALS, found_hits
from anaglyph.serve.served import Serving

router = APIRouter(tags=["export"])
Format = Annotated[Literal["csv", "json"], Query(alias="as")]
FILES: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind: {} for kind in MEDIA_TYPES.values()}, "description": "The list."}
}


@router.get("/export", response_class=Response, responses=FILES)
async def export_items(
    serving: Serving, filters: Annotated[Filters, Depends(query_filters)], kind: Format = "csv"
) -> Response:
    """All items that pass the filters, by path."""
    store, page = serving.store, 1_000

    def rows() -> Iterator[dict[str, object]]:
        offset = 0
        while items := store.select(filters, limit=page, offset=offset):
            yield from map(item_row, items)
            offset += page

    pieces = lines(ITEM_COLUMNS, rows(), kind, show_paths=serving.presenter.show_paths)
    return StreamingResponse(pieces, media_type=MEDIA_TYPES[kind], headers=_named("items", kind))


@router.post("/search/export", response_class=Response, openapi_extra=BODY, responses={**REFUSALS, **FILES})
async def export_hits(serving: Serving, request: Request, kind: Format = "csv") -> Response:
    """The page of hits that `search` would show."""
    async with asking(request, limits=serving.settings.limits) as asked:
        answered = await found_hits(serving, asked.request, asked.parts)
    pieces = lines(HIT_COLUMNS, hit_rows(answered.found), kind, show_paths=serving.presenter.show_paths)
    return Response("".join(pieces), media_type=MEDIA_TYPES[kind], headers=_named("hits", kind))


def _named(name: str, kind: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
