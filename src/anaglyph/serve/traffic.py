"""Counts and times every request for /metrics, and turns away those beyond what can be answered at a time."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anaglyph.serve.errors import busy
from anaglyph.serve.metrics import Metrics

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Traffic:
    """Pure ASGI middleware."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, monotonic: Callable[[], float], most: int) -> None:
        self.app = app
        self.most = most
        self.metrics = metrics
        self.monotonic = monotonic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on and measure."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = self.monotonic()
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self.metrics.active += 1
        try:
            if self.metrics.active > self.most:
                refusal = busy(f"{self.most} requests are being answered, which is the most. Try again soon.")
                await refusal.response()(scope, receive, noted)
            else:
                await self.app(scope, receive, noted)
        finally:
            self.metrics.active -= 1
            # The route's pattern; what no route answers is one row, or addresses could fill the memory.
            # Below the API's prefix, which some versions of FastAPI count to the pattern and some do not.
            route = getattr(scope.get("route"), "path", "other").removeprefix("/api/v1") or "other"
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self.metrics.observe(method=method, route=route, status=status, seconds=self.monotonic() - begun)
