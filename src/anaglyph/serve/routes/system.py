"""What the server is and how it fares."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter, Request
from starlette.responses import Response

from anaglyph.geometry.mesh_formats import SUPPORTED
from anaglyph.search.items import Filters
from anaglyph.serve.metrics import CONTENT_TYPE
from anaglyph.serve.schemas import PAGE, Health, LimitsAnswer, RootAnswer, StatusAnswer
from anaglyph.serve.served import Serving

router = APIRouter(tags=["system"])
outside = APIRouter(tags=["system"])
"""Routes where supervisors look for them, without the prefix of the API."""
_KINDS = ("text", "image", "model", "like")


@router.get("/status")
async def status(serving: Serving, request: Request) -> StatusAnswer:
    """What is served, and what may be asked of it."""
    store, settings, limits = serving.store, serving.settings, serving.settings.limits
    counts = {
        state: await serving.read(store.count, Filters(states=(state,)))
        for state in ("ready", "problem", "deleted")
    }
    shown = settings.local
    return StatusAnswer(
        name="anaglyph",
        version=version("anaglyph"),
        model=store.header.model,
        fingerprint=store.header.fingerprint,
        dim=store.header.dim,
        views=store.header.views[0],
        reads=[kind for kind in _KINDS if kind in serving.engine.reads],
        formats=[suffix[1:] for suffix in SUPPORTED],
        items=counts,
        roots=[
            RootAnswer(
                name=root.rstrip("/\\").replace("\\", "/").rpartition("/")[2] or root,
                path=root if shown else None,
            )
            for root in serving.roots
        ],
        generation=await serving.read(store.generation),
        write=settings.write,
        authorized=settings.write and request.scope["state"].get("authorized", False),
        limits=LimitsAnswer(
            upload_bytes=limits.upload_bytes,
            picture_bytes=limits.picture_bytes,
            parts=limits.parts,
            text=limits.text,
            page=PAGE,
            mesh_faces=limits.mesh_faces,
        ),
    )


@outside.get("/healthz")
async def healthz(serving: Serving) -> Health:
    """Answers while the index can be read."""
    await serving.read(serving.store.generation)
    return Health(status="ok")


@outside.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(serving: Serving) -> Response:
    """Counters in the text format of Prometheus."""
    gauges = await serving.read(serving.gauges)
    return Response(serving.metrics.text(gauges), media_type=CONTENT_TYPE)
