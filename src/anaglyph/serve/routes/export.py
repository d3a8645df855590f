"""Lists to take along: items or hits as CSV, whose cells no spreadsheet takes for formulas, or JSON."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response, StreamingResponse

from anaglyph.search.items import Filters
from anaglyph.serve.export_rows import MEDIA_TYPES, csv_rows, item_row, json_rows
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
    show = serving.presenter.show_paths

    def rows() -> Any:
        offset = 0
        while items := store.select(filters, limit=page, offset=offset):
            yield from (item_row(item, show_root=show) for item in items)
            offset += page

    lines = csv_rows(rows()) if kind == "csv" else json_rows(rows())
    return StreamingResponse(lines, media_type=MEDIA_TYPES[kind], headers=_named("items", kind))


@router.post("/search/export", response_class=Response, openapi_extra=BODY, responses={**REFUSALS, **FILES})
async def export_hits(serving: Serving, request: Request, kind: Format = "csv") -> Response:
    """The page of hits that `search` would show."""
    async with asking(request, limits=serving.settings.limits) as asked:
        found = await found_hits(serving, asked.request, asked.parts)
    show = serving.presenter.show_paths
    first = asked.request.offset + 1
    rows = [
        {"rank": rank, "score": round(hit.score, 6), **item_row(hit.item, show_root=show)}
        for rank, hit in enumerate(found.hits, start=first)
    ]
    lines = csv_rows(rows) if kind == "csv" else json_rows(rows)
    return Response("".join(lines), media_type=MEDIA_TYPES[kind], headers=_named("hits", kind))


def _named(name: str, kind: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
