"""The seam between the routes and what answers queries: parts -> a query -> hits.

Three steps, because they run in different threads: a model that takes seconds to read must not hold up those
who search by words, and words not those who ask for "more like this".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from anaglyph.search.dedup import Group
from anaglyph.search.items import Filters
from anaglyph.search.parts import Part
from anaglyph.search.query import Query
from anaglyph.search.searcher import Found

Kind = Literal["text", "image", "model", "like"]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A page of hits."""

    query: Query | None
    """None where `parts` are items only; then nothing needs to be embedded."""
    parts: Sequence[Part] = ()
    filters: Filters
    limit: int
    offset: int


class Engine(Protocol):
    """What answers queries; `embed` is called in one thread and `find` in another, never in two at once."""

    @property
    def reads(self) -> frozenset[Kind]:
        """What parts may be."""

    def prepare(self, path: Path) -> None:
        """Read, measure and draw a model, in any thread, before `embed` is asked for it.

        Raises:
            MeshError: it cannot be used.
        """

    def embed(self, queries: Sequence[Sequence[Part]]) -> Sequence[Query | Exception]:
        """Queries -> their vectors; DataError or ConfigError where one cannot be embedded."""

    def find(self, wanted: Sequence[Wanted]) -> Sequence[Found | Exception]:
        """Pages of hits."""

    def duplicates(self, kind: Literal["exact", "near"]) -> Sequence[Group]:
        """Groups without ignored items, always in the same order; in any thread."""

    def close(self) -> None:
        """End what was started."""
