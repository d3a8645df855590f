"""The seam between the routes and what answers queries: parts -> a vector -> hits.

Two steps, because they run in two threads: a model that takes seconds to read and embed must not hold up
those who ask for "more like this".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from anaglyph.search.items import Filters, Hit, Item

Vector = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class AskedPart:
    """One part of a query; exactly one of text, like, image and model is given."""

    weight: float
    """Below 0 for what is not wanted."""
    text: str | None = None
    like: int | None = None
    image: bytes | None = None
    """A picture file."""
    box: tuple[float, float, float, float] | None = None
    """Left, top, right and bottom of the object in it, as fractions."""
    model: Path | None = None
    """A model file, alone in its folder."""


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """A query as one vector."""

    vector: Vector
    """(D,) of length 1."""
    notes: tuple[str, ...] = ()
    """What was done to the query, in words."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A page of hits."""

    vector: Vector
    filters: Filters
    limit: int
    offset: int


@dataclass(frozen=True, kw_only=True)
class Found:
    """Hits, the closest first."""

    hits: tuple[Hit, ...]
    total: int
    """Items that pass the filters."""
    threshold: float | None
    """Score that few unrelated items exceed; None where nobody measured it."""
    generation: int
    """Of the index when it was searched."""


@dataclass(frozen=True, kw_only=True)
class Duplicates:
    """Items that are the same, or nearly so."""

    kind: Literal["exact", "near"]
    similarity: float
    """1 for exact ones, else the least cosine of those that were joined."""
    items: tuple[Item, ...]


class Engine(Protocol):
    """What answers queries; `embed` is called in one thread and `find` in another, never in two at once."""

    @property
    def reads(self) -> frozenset[str]:
        """Of "text", "image", "model" and "like", what parts may be."""

    def embed(self, queries: Sequence[tuple[AskedPart, ...]]) -> Sequence[Embedded | Exception]:
        """Queries -> their vectors; DataError, MeshError or ConfigError where one cannot be embedded."""

    def find(self, wanted: Sequence[Wanted]) -> Sequence[Found | Exception]:
        """Pages of hits, all from one state of the index."""

    def duplicates(self, kind: Literal["exact", "near"]) -> Sequence[Duplicates]:
        """Groups of items without those that are ignored, always in the same order; called in any thread."""

    def close(self) -> None:
        """End what was started."""
