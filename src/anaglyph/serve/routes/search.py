"""Searches: words, pictures, models and stored items, weighed against one another."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from anaglyph.errors import ConfigError, DataError, MeshError
from anaglyph.serve.engine import AskedPart, Found, Wanted
from anaglyph.serve.errors import Code, RefusedError
from anaglyph.serve.filters import body_filters
from anaglyph.serve.paging import following
from anaglyph.serve.presented import facet_values
from anaglyph.serve.query_form import FIELD, asking
from anaglyph.serve.schemas import Error, HitAnswer, SearchAnswer, SearchRequest
from anaglyph.serve.served import Served, Serving

router = APIRouter(tags=["search"])
SCHEMA = {"$ref": "#/components/schemas/SearchRequest"}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": SCHEMA},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FIELD],
                    "properties": {FIELD: SCHEMA},
                    "additionalProperties": {"type": "string", "format": "binary"},
                },
                "encoding": {FIELD: {"contentType": "application/json"}},
            },
        },
    }
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Error} for status in (400, 404, 408, 413, 415, 422, 503)
}


@router.post("/search", openapi_extra=BODY, responses=REFUSALS)
async def search(serving: Serving, request: Request) -> SearchAnswer:
    """What is closest to the query, the closest first."""
    async with asking(request, limits=serving.settings.limits) as asked:
        found, notes = await found_hits(serving, asked.request, asked.parts)
        counts = None
        if asked.request.facets:
            counts = await serving.read(serving.store.facet_counts, body_filters(asked.request.filters))
    threshold = found.threshold
    hits = [
        HitAnswer(
            item=serving.presenter.item(hit.item),
            score=hit.score,
            view=hit.view,
            close=threshold is None or hit.score >= threshold,
        )
        for hit in found.hits
    ]
    return SearchAnswer(
        hits=hits,
        close=any(hit.close for hit in hits),
        threshold=threshold,
        notes=list(notes),
        total=found.total,
        limit=asked.request.limit,
        offset=asked.request.offset,
        next=following(found.total, limit=asked.request.limit, offset=asked.request.offset),
        generation=found.generation,
        facets=None if counts is None else facet_values(counts),
    )


async def found_hits(
    serving: Served, request: SearchRequest, parts: tuple[AskedPart, ...]
) -> tuple[Found, tuple[str, ...]]:
    """Embed a query and find its page; the notes say what was done to the query.

    Raises:
        RefusedError: a part cannot be read, or names no item.
    """
    filters = body_filters(request.filters)
    _check_kinds(parts, serving.engine.reads)
    try:
        embedded = await serving.embedding.ask(parts)
    except MeshError as error:
        raise RefusedError(422, Code.MODEL_UNUSABLE, f"the model cannot be used: {error.reason}") from error
    except ConfigError as error:
        raise RefusedError(422, Code.QUERY_NOT_SUPPORTED, str(error)) from error
    except DataError as error:
        raise _refused(parts, error) from error
    wanted = Wanted(vector=embedded.vector, filters=filters, limit=request.limit, offset=request.offset)
    return await serving.finding.ask(wanted), embedded.notes


def _check_kinds(parts: tuple[AskedPart, ...], reads: frozenset[str]) -> None:
    for part in parts:
        kind = next(kind for kind in ("text", "like", "image", "model") if getattr(part, kind) is not None)
        if kind not in reads:
            raise RefusedError(
                422,
                Code.QUERY_NOT_SUPPORTED,
                f"the model of this index reads no {kind} queries; it reads {', '.join(sorted(reads))}.",
            )


def _refused(parts: tuple[AskedPart, ...], error: DataError) -> RefusedError:
    if any(part.image is not None for part in parts):
        return RefusedError(422, Code.PICTURE_UNUSABLE, str(error))
    if any(part.like is not None for part in parts):
        return RefusedError(404, Code.ITEM_NOT_FOUND, str(error))
    return RefusedError(422, Code.INVALID_REQUEST, str(error))
