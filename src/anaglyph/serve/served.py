"""What the routes share: the index, the threads that work on it, jobs and counters."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Annotated, ParamSpec, TypeVar

from fastapi import Depends, Request

from anaglyph.errors import AnaglyphError, IndexFormatError
from anaglyph.search.items import Item
from anaglyph.search.parts import Part
from anaglyph.search.query import Query
from anaglyph.search.searcher import Found
from anaglyph.search.store import Store, Writer
from anaglyph.serve.batching import Batcher
from anaglyph.serve.clocks import Clocks
from anaglyph.serve.engine import Engine, Wanted
from anaglyph.serve.errors import Code, RefusedError, busy
from anaglyph.serve.jobs import IndexRoot, Jobs
from anaglyph.serve.metrics import Metrics
from anaglyph.serve.presented import Presenter
from anaglyph.serve.settings import ServeSettings

Given = ParamSpec("Given")
Result = TypeVar("Result")
_BATCH = 64
_TOGETHER = 32
"""Searches in a batch: each costs a third less than among 16, since the vectors are read once for all; among
50 searchers, some are computed while others are answered."""


@dataclass(frozen=True)
class Answered:
    """A page of hits, and the generation of the index that it is at least of."""

    found: Found
    generation: int


class Served:
    """One open index behind a server; belongs to one event loop.

    Args:
        store: open; closed by `close`.
        engine: what answers queries.
        settings: of the server.
        clocks: for jobs and counters.
        roots: folders that were indexed, which may be indexed again.
        index: how a root is indexed again; None where this server cannot.
        reopen: opens what lies at the same place by now, as successor of the one it is given.
        before: whose jobs and counters go on.
    """

    def __init__(
        self,
        store: Store,
        engine: Engine,
        *,
        settings: ServeSettings,
        clocks: Clocks,
        roots: Sequence[str] = (),
        index: IndexRoot | None = None,
        reopen: Callable[[Served], Served] | None = None,
        before: Served | None = None,
    ) -> None:
        limits = settings.limits
        self.store = store
        self.engine = engine
        self.settings = settings
        self.clocks = clocks
        self.roots = tuple(roots)
        self.reopen = reopen
        self.users = 0
        """Requests that are answered from it."""
        self.jobs: Jobs = Jobs(self.roots, index, now=clocks.now) if before is None else before.jobs
        self.metrics: Metrics = Metrics() if before is None else before.metrics
        self.presenter = Presenter(show_paths=settings.local)
        self.embedding: Batcher[tuple[Part, ...], Query] = Batcher(
            engine.embed, most=_BATCH, waiting=limits.queue, name="embed"
        )
        self.finding: Batcher[Wanted, Answered] = Batcher(
            self._find, most=_TOGETHER, waiting=limits.queue, name="find"
        )
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="read")
        self._parsers = ThreadPoolExecutor(2, thread_name_prefix="parse")
        self._parsing = 0

    async def read(
        self, function: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
    ) -> Result:
        """Run something short, such as a query of the store, in a thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, partial(function, *args, **kwargs))

    async def parse(
        self, function: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
    ) -> Result:
        """Run something that takes seconds, such as reading a model, in one of two threads.

        Raises:
            RefusedError: too many wait already.
        """
        if self._parsing >= self.settings.limits.queue:
            raise busy(
                f"{self._parsing} models wait to be read, which is the most. Try again soon.", seconds=5
            )
        self._parsing += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._parsers, partial(function, *args, **kwargs))
        finally:
            self._parsing -= 1

    async def item(self, id: int) -> Item:
        """One item.

        Raises:
            RefusedError: there is none.
        """
        found = await self.read(self.store.items, [id])
        if not found:
            raise RefusedError(404, Code.ITEM_NOT_FOUND, f"there is no item {id} in this index.")
        return found[0]

    async def write(self, change: Callable[[Writer], None]) -> None:
        """Change the index as its one writer.

        Raises:
            RefusedError: somebody else writes to it.
        """

        def changed() -> None:
            with self.store.writer(owner="anaglyph serve") as writer:
                change(writer)

        try:
            await self.read(changed)
        except IndexFormatError as error:
            raise busy(self.told(error), seconds=10) from error

    def told(self, error: AnaglyphError) -> str:
        """What callers learn of a fault of the index: where others reach the server, not where it lies."""
        return (
            str(error) if self.settings.local else "the index cannot be used now; the server's log says more."
        )

    def _find(self, wanted: Sequence[Wanted]) -> list[Answered | Exception]:
        generation = self.store.generation()
        return [
            found if isinstance(found, Exception) else Answered(found, generation)
            for found in self.engine.find(wanted)
        ]

    def gauges(self) -> dict[str, tuple[str, float]]:
        """What is counted elsewhere, for /metrics."""
        return {
            "anaglyph_queue_embedding": ("Queries that wait to be embedded.", float(self.embedding.waiting)),
            "anaglyph_queue_finding": ("Queries that wait to be compared.", float(self.finding.waiting)),
            "anaglyph_queue_parsing": ("Models that are read or wait for it.", float(self._parsing)),
            "anaglyph_generation": ("Generation of the index.", float(self.store.generation())),
        }

    def close(self) -> None:
        """End jobs and threads, then close the index."""
        self.jobs.close()
        self.retire()

    def retire(self) -> None:
        """End threads and close the index; jobs go on, with the successor."""
        self.embedding.close()
        self.finding.close()
        self._readers.shutdown(wait=True, cancel_futures=True)
        self._parsers.shutdown(wait=True, cancel_futures=True)
        self.engine.close()
        self.store.close()


async def served(request: Request) -> Served:
    """What this request is answered from, for routes; a coroutine, since others are given a thread."""
    found: Served = request.scope["state"]["served"]
    return found


Serving = Annotated[Served, Depends(served)]
