"""The index that is served now. When another one is put in its place, as a rebuild does, it is opened beside
the old one and takes over; each request is answered from one of the two, never from both.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine

from starlette.types import ASGIApp, Receive, Scope, Send

from anaglyph.errors import AnaglyphError
from anaglyph.search.store import Replaceable
from anaglyph.serve.errors import Code, RefusedError
from anaglyph.serve.served import Served

LOOK_SECONDS = 1.0
"""Between two looks at what lies in the index's place."""
ASKS = ("/api/", "/healthz", "/metrics")
"""Addresses that are answered from an index; the files of the page are not."""
log = logging.getLogger(__name__)


class Live:
    """Belongs to one event loop.

    Args:
        served: the first one; closed by `close`, like its successors.
    """

    def __init__(self, served: Served) -> None:
        self.current = served
        self.failure: str | None = None
        """Why what lies in the index's place cannot be served."""
        self._next_look = 0.0
        self._reopening = False
        self._tasks: set[asyncio.Task[None]] = set()

    def enter(self) -> Served:
        """What a request is answered from, until it `leave`s.

        Raises:
            RefusedError: the index was replaced by something that cannot be opened.
        """
        self._look()
        if self.failure is not None:
            raise RefusedError(
                503,
                Code.INDEX_UNUSABLE,
                f"the index was replaced, and what lies there now cannot be served: {self.failure}",
                headers={"Retry-After": "10"},
            )
        self.current.users += 1
        return self.current

    def leave(self, served: Served) -> None:
        """A request is answered."""
        served.users -= 1
        if served is not self.current and not served.users:
            self._begin(asyncio.to_thread(served.retire))

    async def close(self) -> None:
        """When what is under way is done, close everything."""
        while self._tasks:
            await asyncio.gather(*self._tasks)
        self.current.close()

    def _look(self) -> None:
        served = self.current
        now = served.clocks.monotonic()
        if self._reopening or now < self._next_look or served.reopen is None:
            return
        self._next_look = now + LOOK_SECONDS
        if isinstance(served.store, Replaceable) and served.store.replaced():
            self._reopening = True
            self._begin(self._reopen(served))
        else:
            self.failure = None

    async def _reopen(self, old: Served) -> None:
        if old.reopen is None:
            return
        try:
            fresh = await asyncio.to_thread(old.reopen, old)
        except AnaglyphError as error:
            log.error("the index was replaced by something that cannot be served: %s", error)
            self.failure = old.told(error)
            return
        finally:
            self._reopening = False
        self.current, self.failure = fresh, None
        fresh.jobs.roots = fresh.roots
        log.warning("another index was put in place of the one that was served; it is served from now on")
        if not old.users:
            await asyncio.to_thread(old.retire)

    def _begin(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class AnsweredFrom:
    """Pure ASGI middleware: the index of each request, kept open until its answer is sent."""

    def __init__(self, app: ASGIApp, *, live: Live) -> None:
        self.app = app
        self.live = live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with the index."""
        if scope["type"] != "http" or not scope["path"].startswith(ASKS):
            await self.app(scope, receive, send)
            return
        try:
            served = self.live.enter()
        except RefusedError as refusal:
            await refusal.response()(scope, receive, send)
            return
        scope["state"]["served"] = served
        try:
            await self.app(scope, receive, send)
        finally:
            self.live.leave(served)
