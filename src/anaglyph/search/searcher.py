"""An open index that answers queries: a page of hits, and how much they are worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import ConfigError
from anaglyph.search.finder import Finder
from anaglyph.search.items import Filters, Hit, Item
from anaglyph.search.parts import Part
from anaglyph.search.query import Query, QueryEmbedder
from anaglyph.search.store import Store

MOST_RESULTS = 200
"""On a page."""
DEEPEST = 100_000
"""Results that paging reaches."""
GAP_HITS = 50
GAP_SHARE = 0.25
"""Of all that the scores of a page fall, what a clear gap takes at least."""
GAP_TIMES = 2.0
"""The next largest step, that a clear gap has at least."""
_ALONE = 32_767
"""Numbers that torch converts without sharing the work between threads."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A page of hits, the closest first."""

    hits: tuple[Hit, ...]
    total: int
    """Items that pass the filters, on all pages."""
    close: float | None
    """Score from which a hit is close; None where nobody measured it."""
    gap: int | None = None
    """Hits before the score falls clearly, on a first page where it does."""
    notes: tuple[str, ...] = ()
    """What was done to the query."""
    recall: float = 1.0
    """Share of the nearest that search finds; 1 where it is exact."""

    @property
    def nothing_close(self) -> bool:
        """Whether no hit of this page stands out further than chance."""
        return not any(hit.close for hit in self.hits)


@dataclass(frozen=True, kw_only=True)
class Searcher:
    """Searches one index."""

    store: Store
    finder: Finder
    embedder: QueryEmbedder
    items: Callable[[Sequence[int]], Mapping[int, Item]] | None = None
    """Id -> item, instead of the store's: such as one that remembers."""
    views: Callable[[Sequence[int]], Mapping[int, NDArray[np.float16]]] | None = None
    """Likewise."""

    def search(
        self, parts: Sequence[Part], *, filters: Filters | None = None, limit: int = 20, offset: int = 0
    ) -> Found:
        """Embed a query and find a page of hits; see `Finder` and `QueryEmbedder` for what is raised."""
        check_page(limit, offset)
        return self.find(self.embedder.embed(parts), filters=filters, limit=limit, offset=offset)

    def find(
        self, query: Query, *, filters: Filters | None = None, limit: int = 20, offset: int = 0
    ) -> Found:
        """A page of hits for an embedded query.

        Args:
            query: what `QueryEmbedder` made.
            filters: all items that can be found, by default.
            limit: hits on a page, 1 to 200.
            offset: hits before this page.

        Raises:
            ConfigError: a page that cannot be.
        """
        check_page(limit, offset)
        filters = Filters() if filters is None else filters
        deep = offset + limit + len(query.left_out)
        ranked = self.finder.nearest(query.vector, filters=filters, limit=deep)
        return self.page(query, ranked, filters=filters, limit=limit, offset=offset)

    def page(
        self, query: Query, ranked: Sequence[tuple[int, float]], *, filters: Filters, limit: int, offset: int
    ) -> Found:
        """A page out of `offset + limit + len(query.left_out)` ids and scores, or all that pass."""
        known = set(query.left_out)
        page = [pair for pair in ranked if pair[0] not in known][offset : offset + limit]
        hits = self._hits(page, query)
        return Found(
            hits=hits,
            total=self.finder.total(filters, without=query.left_out),
            close=query.close,
            gap=clear_gap([hit.score for hit in hits]) if offset == 0 else None,
            notes=query.notes,
            recall=self.finder.recall,
        )

    def _hits(self, page: Sequence[tuple[int, float]], query: Query) -> tuple[Hit, ...]:
        ids = [id for id, _ in page]
        items = self.items(ids) if self.items else {item.id: item for item in self.store.items(ids)}
        views = (self.views or self.store.views)([id for id in ids if id in items])
        best = best_views(views, query.vector)
        return tuple(
            Hit(
                item=items[id],
                score=score,
                view=best.get(id),
                close=query.close is None or score >= query.close,
            )
            for id, score in page
            if id in items  # another process may have purged it meanwhile
        )


def best_views(views: Mapping[int, NDArray[np.float16]], vector: NDArray[np.float32]) -> dict[int, int]:
    """Of each (V, D), the view that has most in common with (D,), the first of equals; none without views."""
    import torch  # here: not every search has views

    seen = {id: rows for id, rows in views.items() if len(rows)}
    if not seen:
        return {}
    # torch converts halves in a tenth of NumPy's time, and so few at once in this thread alone.
    rows = np.concatenate(list(seen.values()))
    step = max(1, _ALONE // len(vector))
    blocks = (torch.from_numpy(rows[first : first + step]) for first in range(0, len(rows), step))
    scores = np.concatenate([block.float().numpy() @ vector for block in blocks])
    best, first = {}, 0
    for id, those in seen.items():
        best[id] = int(scores[first : first + len(those)].argmax())
        first += len(those)
    return best


def clear_gap(scores: Sequence[float]) -> int | None:
    """How many hits stand before a clear fall of the score; None where it falls evenly.

    A step is clear that is at least a quarter of the whole fall and twice the next largest step.
    """
    steps = -np.diff(np.asarray(scores[:GAP_HITS], dtype=np.float64))
    if len(steps) < 4 or steps.sum() <= 0:
        return None
    second, first = np.partition(steps, len(steps) - 2)[-2:]
    if first < GAP_SHARE * steps.sum() or first < GAP_TIMES * second:
        return None
    return int(steps.argmax()) + 1


def check_page(limit: int, offset: int) -> None:
    """ConfigError for a page that cannot be."""
    if not 1 <= limit <= MOST_RESULTS:
        raise ConfigError(f"a page holds 1 to {MOST_RESULTS} results, got {limit}.")
    if not 0 <= offset <= DEEPEST - limit:
        raise ConfigError(f"paging reaches {DEEPEST} results, got a page from {offset} on; add filters.")
