"""The engine of an index: its space and its searcher."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import AnaglyphError, ConfigError
from anaglyph.search.closeness import NOTE, Closeness, read_closeness
from anaglyph.search.dedup import Group, find_groups
from anaglyph.search.finder import Finder, filters_key
from anaglyph.search.items import Item
from anaglyph.search.parts import Part
from anaglyph.search.query import Query, QueryEmbedder
from anaglyph.search.searcher import Found, Searcher
from anaglyph.search.store import Store
from anaglyph.serve.engine import Kind, Wanted
from anaglyph.serve.row_cache import RowCache
from anaglyph.serve.settings import ServeLimits

if TYPE_CHECKING:
    from anaglyph.encoders.spaces.space import Space
    from anaglyph.search.preparation import Prepared
    from anaglyph.search.preparers import Preparers

READERS = 2
"""Processes that read models of queries."""
TOGETHER = 1000
"""Results down to which queries are answered together; who asks deeper is answered alone."""
ITEMS, VIEWS = 50_000, 20_000
"""Items whose rows, and whose view vectors, stay in memory once they were shown: 2 and about 12 KB each."""
WAITING = 64
"""Models that have been read and wait to be embedded; of more, the oldest are read again."""


class IndexEngine:
    """Searches one store; the threads of a server call it as `Engine` says.

    Args:
        store: open; closed by whoever opened it.
        space: the one that the index was made with; without it queries are items only.
        cache: folder for what can be made again; None keeps nothing.
        limits: of models.
    """

    def __init__(
        self,
        store: Store,
        *,
        space: Space | None,
        cache: Path | None,
        limits: ServeLimits,
    ) -> None:
        self.store = store
        self.limits = limits
        self._space = space
        self._preparers: Preparers | None = None
        self._prepared: OrderedDict[Path, Prepared] = OrderedDict()
        self._lock = threading.Lock()
        self._groups: dict[str, tuple[int, Sequence[Group]]] = {}
        self._close: tuple[int, Closeness] | None = None
        self.searcher = Searcher(
            store=store,
            finder=Finder(store, cache=cache),
            embedder=QueryEmbedder(
                store=store, space=self.space, model=self._model, closeness=self._closeness
            ),
            items=RowCache(store.generation, self._read_items, most=ITEMS).rows,
            views=RowCache(store.generation, store.views, most=VIEWS).rows,
        )

    @property
    def reads(self) -> frozenset[Kind]:
        """What parts may be."""
        names: dict[str, Kind] = {"shape": "model", "image": "image", "text": "text"}
        known = frozenset() if self._space is None else self._space.reads
        return frozenset({names[each] for each in known} | {"like"})

    def space(self) -> Space:
        """The space.

        Raises:
            ConfigError: served without one.
        """
        if self._space is None:
            raise ConfigError("this index is served without its model; only items can be asked for.")
        return self._space

    def prepare(self, path: Path) -> None:
        """Read, measure and draw a model in a child process; what comes out waits for `embed`."""
        prepared = self._read(path)
        with self._lock:
            self._prepared[path] = prepared
            while len(self._prepared) > WAITING:
                self._prepared.popitem(last=False)

    def embed(self, queries: Sequence[Sequence[Part]]) -> Sequence[Query | Exception]:
        """Vectors of queries, words and pictures of all of them together."""
        return self.searcher.embedder.embed_many(queries)

    def find(self, wanted: Sequence[Wanted]) -> Sequence[Found | Exception]:
        """A page for each; the vectors of the index are read once for those with the same filters."""
        queries = [each.query or self.embed([each.parts])[0] for each in wanted]
        found: dict[int, Found | Exception] = {}
        together: dict[object, dict[int, tuple[Wanted, Query]]] = {}
        for place, (each, query) in enumerate(zip(wanted, queries, strict=True)):
            if isinstance(query, Exception):
                found[place] = query
            elif each.offset + each.limit > TOGETHER:
                found[place] = self._alone(each, query)
            else:
                together.setdefault(filters_key(each.filters), {})[place] = (each, query)
        for asked in together.values():
            found.update(zip(asked, self._together(list(asked.values())), strict=True))
        return [found[place] for place in range(len(wanted))]

    def duplicates(self, kind: Literal["exact", "near"]) -> Sequence[Group]:
        """Groups, found again when the index has changed."""
        generation = self.store.generation()
        with self._lock:
            known = self._groups.get(kind)
        if known is not None and known[0] == generation:
            return known[1]
        if kind == "exact":
            groups = find_groups(self.store, near=None)
        else:
            groups = [group for group in find_groups(self.store) if group.kind == "near"]
        with self._lock:
            self._groups[kind] = (generation, groups)
        return groups

    def close(self) -> None:
        """End the child processes."""
        with self._lock:
            preparers, self._preparers = self._preparers, None
        if preparers is not None:
            preparers.__exit__(None, None, None)

    def _read_items(self, ids: Sequence[int]) -> dict[int, Item]:
        return {item.id: item for item in self.store.items(ids)}

    def _alone(self, wanted: Wanted, query: Query) -> Found | Exception:
        try:
            return self.searcher.find(query, filters=wanted.filters, limit=wanted.limit, offset=wanted.offset)
        except AnaglyphError as error:
            return error

    def _together(self, asked: Sequence[tuple[Wanted, Query]]) -> Sequence[Found | Exception]:
        filters = asked[0][0].filters
        vectors = np.stack([query.vector for _, query in asked])
        deep = max(each.offset + each.limit + len(query.left_out) for each, query in asked)
        ranked = self.searcher.finder.nearest_of_many(vectors, filters=filters, limit=deep)
        return [
            self.searcher.page(query, some, filters=filters, limit=each.limit, offset=each.offset)
            for (each, query), some in zip(asked, ranked, strict=True)
        ]

    def _model(self, path: Path) -> NDArray[np.float32]:
        """(D,) of a model of a query."""
        from anaglyph.search.embedder import Embedder

        with self._lock:
            prepared = self._prepared.pop(path, None)
        (made,) = Embedder(self.space())([prepared or self._read(path)])
        return made.vector

    def _read(self, path: Path) -> Prepared:
        from anaglyph.search.preparation import Prepared, Unusable
        from anaglyph.search.preparers import Job

        outcome = self._ready().prepare(Job(None, path, path.parent))
        if isinstance(outcome, Unusable):
            raise outcome.error
        if not isinstance(outcome, Prepared):  # `Same` is for files that were excepted, and none is
            raise TypeError(f"preparing a model gave {outcome!r}")
        return outcome

    def _closeness(self) -> Closeness:
        generation = self.store.generation()
        if self._close is None or self._close[0] != generation:
            self._close = generation, read_closeness(self.store.notes().get(NOTE)) or Closeness()
        return self._close[1]

    def _ready(self) -> Preparers:
        from anaglyph.search.embedder import Embedder
        from anaglyph.search.preparers import Preparers

        settings = Embedder(self.space()).preparation(self.store.header.views[0])
        limits = replace(settings.limits, file_bytes=self.limits.upload_bytes)
        with self._lock:
            if self._preparers is None:
                self._preparers = Preparers(READERS, replace(settings, limits=limits))
            return self._preparers
