"""The application: routes, what stands around them, and how every failure becomes one shape of JSON."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from anaglyph.errors import AnaglyphError, IndexFormatError
from anaglyph.search.store import UnreachableError
from anaglyph.serve.body_limit import BodyLimit
from anaglyph.serve.errors import Code, RefusedError
from anaglyph.serve.guard import Guard
from anaglyph.serve.headers import HEADERS, SecurityHeaders
from anaglyph.serve.live import AnsweredFrom, Live
from anaglyph.serve.routes import export, items, jobs, review, search, session, system
from anaglyph.serve.schemas import Error, SearchRequest
from anaglyph.serve.served import Served
from anaglyph.serve.served import served as served_by
from anaglyph.serve.static_pages import StaticPages
from anaglyph.serve.traffic import Traffic

PREFIX = "/api/v1"
ABOUT = "Search 3D models by words, pictures or shape. Errors are {code, message, details}; codes are stable."
log = logging.getLogger(__name__)


def create_app(served: Served, *, ready: Callable[[], None] = lambda: None) -> FastAPI:
    """An application that serves one index, or what takes its place, and closes it when it ends.

    Args:
        served: what is served.
        ready: called when it begins to answer.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        ready()
        try:
            yield
        finally:
            await live.close()

    live = Live(served)

    app = FastAPI(
        title="Anaglyph",
        version=version("anaglyph"),
        description=ABOUT,
        lifespan=lifespan,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    api = APIRouter(prefix=PREFIX, responses={422: {"model": Error}})
    # Routes are tried one after the other: those that are asked most stand first.
    for router in (
        search.router,
        items.router,
        system.router,
        session.router,
        export.router,
        review.router,
        jobs.router,
    ):
        api.include_router(router)
    app.include_router(api)
    app.include_router(system.outside)
    # The route that is asked most, reached without FastAPI's own work for each request, a third of the whole;
    # the schema has it from above.
    app.router.routes.insert(0, Route(f"{PREFIX}/search", direct_search, methods=["POST"]))
    app.router.default = StaticPages()  # for what no route answers, in any method
    _handle_errors(app)
    _describe(app)
    settings, monotonic = served.settings, served.clocks.monotonic
    # The last one added stands outermost.
    app.add_middleware(AnsweredFrom, live=live)
    app.add_middleware(BodyLimit, limits=settings.limits, monotonic=monotonic)
    app.add_middleware(Guard, settings=settings)
    app.add_middleware(Traffic, metrics=served.metrics, monotonic=monotonic, most=settings.limits.requests)
    app.add_middleware(SecurityHeaders)
    return app


async def direct_search(request: Request) -> Response:
    """`search` as Starlette calls it."""
    return await search.search(await served_by(request), request)


def _handle_errors(app: FastAPI) -> None:
    @app.exception_handler(RefusedError)
    async def refused(request: Request, error: RefusedError) -> Response:
        return error.response()

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        details = [
            {"where": ".".join(map(str, each["loc"])), "what": each["msg"]} for each in error.errors()[:20]
        ]
        return RefusedError(
            422, Code.INVALID_REQUEST, "the request cannot be meant.", details=details
        ).response()

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> Response:
        if isinstance(error.__cause__, RefusedError):  # raised while a body was read
            return error.__cause__.response()
        code = Code.NOT_FOUND if error.status_code in (404, 405) else Code.INVALID_REQUEST
        headers = dict(error.headers) if error.headers else None
        return RefusedError(error.status_code, code, str(error.detail), headers=headers).response()

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> Response:
        return RefusedError(400, Code.INVALID_REQUEST, "the client went away.").response()  # to nobody

    @app.exception_handler(IndexFormatError)
    @app.exception_handler(UnreachableError)
    async def unusable(request: Request, error: AnaglyphError) -> Response:
        log.error("the index cannot be used: %s", error)
        told = (await served_by(request)).told(error)
        return RefusedError(503, Code.INDEX_UNUSABLE, told, headers={"Retry-After": "10"}).response()

    @app.exception_handler(AnaglyphError)
    async def known(request: Request, error: AnaglyphError) -> Response:
        return RefusedError(422, Code.INVALID_REQUEST, str(error)).response()

    @app.exception_handler(Exception)
    async def fault(request: Request, error: Exception) -> Response:
        log.exception("a request failed: %s %r", request.method, request.scope["path"], exc_info=error)
        answer = RefusedError(500, Code.INTERNAL, "the server failed at this request; its log says more.")
        made = answer.response()
        made.headers.update(HEADERS)  # it is sent from outside of all middleware
        return made


def _describe(app: FastAPI) -> None:
    """Add the body of a search, which routes read by themselves, to the schema."""
    generated = app.openapi

    def openapi() -> dict[str, object]:
        schema = generated()
        template = "#/components/schemas/{model}"
        body = SearchRequest.model_json_schema(ref_template=template)
        schemas = schema["components"]["schemas"]
        for name, definition in body.pop("$defs", {}).items():
            schemas.setdefault(name, definition)
        schemas.setdefault("SearchRequest", body)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
