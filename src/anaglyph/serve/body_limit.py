"""Bodies of requests, counted as they come: too many bytes, too slow, or too many at once are refused.

A stated length is only a promise: it is refused early where it is too large, and not believed where it is
small. Starlette bounds none of this by itself (encode/starlette PR#2175).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anaglyph.serve.errors import Code, RefusedError, busy
from anaglyph.serve.settings import ServeLimits

SEARCHES = frozenset({"/api/v1/search", "/api/v1/search/export"})
"""Routes whose requests may bring files."""


@dataclass
class _Seen:
    """What came so far of one request, and whether its answer began."""

    begun: float
    bytes: int = 0
    complete: bool = False
    answered: bool = False
    refusal: RefusedError | None = None


class BodyLimit:
    """Pure ASGI middleware over all routes, those that read no body too.

    Args:
        app: what is protected.
        limits: bytes, seconds and numbers.
        monotonic: seconds of a clock that only goes forward.
    """

    def __init__(self, app: ASGIApp, *, limits: ServeLimits, monotonic: Callable[[], float]) -> None:
        self.app = app
        self.limits = limits
        self.monotonic = monotonic
        self._uploads = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its body bounded."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        seen = _Seen(begun=self.monotonic())
        headers = dict(scope["headers"])
        uploads = scope["path"] in SEARCHES and headers.get(b"content-type", b"").lower().startswith(
            b"multipart/"
        )
        most = self.limits.search_bytes if uploads else self.limits.body_bytes

        async def bounded() -> Message:
            return await self._next(receive, seen, most)

        async def watched(message: Message) -> None:
            if seen.refusal is None:  # else the routes made their own sense of it
                seen.answered = True
                await send(message)

        try:
            self._check_head(scope["headers"])
            _check_length(headers.get(b"content-length"), most)
            if uploads:
                await self._upload(scope, bounded, watched)
            else:
                await self.app(scope, bounded, watched)
        except RefusedError as refusal:
            seen.refusal = refusal
        if seen.refusal is not None and not seen.answered:
            answer = seen.refusal.response()
            answer.headers["Connection"] = "close"  # what is left of the body is not read
            await answer(scope, receive, send)

    def _check_head(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        names = [name for name, _ in headers]
        if b"content-length" in names and b"transfer-encoding" in names:
            # Whoever stands between may take the other one for the body's end, and see other requests.
            raise RefusedError(400, Code.INVALID_REQUEST, "the body's length is stated in two ways.")
        size = sum(len(name) + len(value) for name, value in headers)
        if size > self.limits.head_bytes:
            raise RefusedError(
                431,
                Code.INVALID_REQUEST,
                f"the headers have {size} bytes; at most {self.limits.head_bytes} are read.",
            )

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request with files, of which only so many may fill the disk at a time."""
        if self._uploads >= self.limits.uploads:
            raise busy(f"{self._uploads} uploads are under way, which is the most at a time. Try again soon.")
        self._uploads += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._uploads -= 1

    async def _next(self, receive: Receive, seen: _Seen, most: int) -> Message:
        """The next message of the body."""
        if seen.complete or seen.answered:  # waiting for the end of the connection
            return await receive()
        if seen.refusal is not None:
            raise seen.refusal
        patience = self.limits.idle_seconds
        left = seen.begun + patience + seen.bytes / self.limits.least_rate - self.monotonic()
        try:
            message = await asyncio.wait_for(receive(), timeout=max(0.0, min(patience, left)))
        except TimeoutError as error:
            seen.refusal = RefusedError(
                408,
                Code.BODY_TOO_SLOW,
                f"the body of this request comes too slowly: {seen.bytes} bytes so far. At least "
                f"{self.limits.least_rate} bytes a second are expected.",
            )
            raise seen.refusal from error
        seen.bytes += len(message.get("body", b""))
        if seen.bytes > most:
            seen.refusal = _too_large(f"more than {most}", most)
            raise seen.refusal
        seen.complete = not message.get("more_body", False)
        return message


def _check_length(given: bytes | None, most: int) -> None:
    if given is None:
        return
    if not given.isdigit():
        raise RefusedError(400, Code.INVALID_REQUEST, "Content-Length must be a whole number.")
    if len(given) > 18 or int(given) > most:
        raise _too_large(given[:18].decode("ascii"), most)


def _too_large(what: str, most: int) -> RefusedError:
    return RefusedError(
        413, Code.BODY_TOO_LARGE, f"the body of this request has {what} bytes; at most {most} are taken here."
    )
