"""Items: lists with filters, one, its pictures, its file, its triangles."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from anaglyph.search.items import Filters
from anaglyph.serve.errors import Code, RefusedError
from anaglyph.serve.etags import matches, tag_of
from anaglyph.serve.filters import query_filters
from anaglyph.serve.mesh_glb import MEDIA_TYPE, item_glb
from anaglyph.serve.model_file import model_answer
from anaglyph.serve.paging import Limit, Offset, following
from anaglyph.serve.presented import facet_values
from anaglyph.serve.schemas import Error, ItemAnswer, ItemPage
from anaglyph.serve.served import Serving

router = APIRouter(prefix="/items", tags=["items"])
ItemId = Annotated[int, Path(ge=1, le=2**63 - 1)]
PNG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {}}, "description": "All views side by side."},
    304: {"description": "As before."},
    404: {"model": Error},
}
MODEL: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": {}}, "description": "The file."},
    206: {"content": {"application/octet-stream": {}}, "description": "The range that was asked for."},
    304: {"description": "As before."},
    404: {"model": Error},
    416: {"model": Error},
}
MESH: dict[int | str, dict[str, Any]] = {
    200: {"content": {MEDIA_TYPE: {}}, "description": "Binary glTF of one mesh without textures."},
    304: {"description": "As before."},
    404: {"model": Error},
    422: {"model": Error},
}
_CACHED = {"Cache-Control": "private, max-age=86400"}


@router.get("")
async def list_items(
    serving: Serving,
    filters: Annotated[Filters, Depends(query_filters)],
    limit: Limit = 50,
    offset: Offset = 0,
    facets: Annotated[bool, Query(description="count the values of facets too")] = False,
) -> ItemPage:
    """Items that pass all filters, by path."""
    store = serving.store
    generation = await serving.read(store.generation)
    total = await serving.read(store.count, filters)
    found = await serving.read(store.select, filters, limit=limit, offset=offset)
    counts = await serving.read(store.facet_counts, filters) if facets else None
    return ItemPage(
        items=[serving.presenter.item(item) for item in found],
        total=total,
        limit=limit,
        offset=offset,
        next=following(total, limit=limit, offset=offset),
        generation=generation,
        facets=None if counts is None else facet_values(counts),
    )


@router.get("/{id}", responses={404: {"model": Error}})
async def one_item(serving: Serving, id: ItemId) -> ItemAnswer:
    """Everything about one item."""
    return serving.presenter.item(await serving.item(id))


@router.get("/{id}/thumbnail", response_class=Response, responses=PNG)
async def thumbnail(serving: Serving, request: Request, id: ItemId) -> Response:
    """Its views side by side, as many as fit its width by its height."""
    item = await serving.item(id)
    tag = tag_of("thumbnail", item.content, str(serving.store.header.fingerprint))
    if matches(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers={"ETag": tag, **_CACHED})
    picture = await serving.read(serving.store.thumbnail, id)
    if picture is None:
        raise RefusedError(404, Code.FILE_NOT_AVAILABLE, f"item {id} has no picture.")
    return Response(picture, media_type="image/png", headers={"ETag": tag, **_CACHED})


@router.head("/{id}/model", include_in_schema=False)
@router.get("/{id}/model", response_class=Response, responses=MODEL)
async def model(serving: Serving, request: Request, id: ItemId) -> Response:
    """The file as it lies on the disk, or a range of it; only of formats that are whole in one file."""
    item = await serving.item(id)
    most = serving.settings.limits.mesh.file_bytes
    return await serving.read(model_answer, item, request.headers, request.method, most=most)


@router.get("/{id}/mesh", response_class=Response, responses=MESH)
async def mesh(serving: Serving, request: Request, id: ItemId) -> Response:
    """Its triangles, +y up, in its file's units, with colours of vertices, as binary glTF."""
    item = await serving.item(id)
    tag = tag_of("mesh", item.content)
    if matches(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers={"ETag": tag, **_CACHED})
    data = await serving.parse(item_glb, item, limits=serving.settings.limits)
    return Response(data, media_type=MEDIA_TYPE, headers={"ETag": tag, **_CACHED})
