"""The seam: what an index keeps, whatever keeps it (`sqlite_open`, `postgres_open`).

Everything about an item is one transaction. A reader sees a state that was committed, never half of one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import DataError
from anaglyph.search.exact import Matrix
from anaglyph.search.items import Entry, Filters, Item, Problem


class UnreachableError(DataError):
    """An index whose server is gone or does not answer; nothing is known of what was asked."""


FORMAT = 1
"""Version of the layout that this release writes."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """What an index is made of; fixed when it is made."""

    format: int = FORMAT
    """Version of the layout."""
    model: str
    """Name or path of the space, to open it again."""
    fingerprint: str
    """Of the space; vectors of another one are refused."""
    dim: int
    """D."""
    views: tuple[str, int]
    """Cameras by name, and the side of their pictures in pixels; ("", 0) without pictures."""


@dataclass(frozen=True)
class Known:
    """What the scanner compares a file with."""

    id: int
    bytes: int
    modified: int
    content: str
    state: str


class Writer(Protocol):
    """Changes; the one who holds it is the only writer of an embedded index."""

    def put(self, entries: Sequence[Entry]) -> list[int]:
        """Add (id 0) or replace items with vectors, problems and thumbnails, in one transaction; their ids.

        Putting the same (root, path) again replaces it and keeps its id, and what is not the file's: `added`,
        `tags` and `ignored` are taken from the entry for a new item alone.

        Raises:
            DataError: an id that is not there, a vector that does not fit or is not finite, a path that is no
                text, or no room on the disk. Nothing of it is written then.
        """

    def touch(self, rows: Sequence[tuple[int, int, int]]) -> None:
        """(id, bytes, modified) of files whose content is as before."""

    def move(self, rows: Sequence[tuple[int, str, str]]) -> list[int]:
        """(id, path, new path): the file lies elsewhere and keeps its vectors; the ids of those that moved.

        An item that does not lie at `path` stays where it is: another indexer found its file elsewhere.
        Swaps and circles are fine. A category that was the top folder follows. A deleted item that lay there
        is removed for good; DataError where one lies that is not deleted.
        """

    def mark_deleted(self, ids: Sequence[int]) -> None:
        """Their files are gone; they are found no more."""

    def purge(self) -> int:
        """Remove deleted items for good; how many."""

    def tag(self, ids: Sequence[int], *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """Tags of items."""

    def ignore(self, ids: Sequence[int], ignored: bool) -> None:
        """Leave items out of duplicates, or take them in again."""

    def note(self, name: str, value: str) -> None:
        """Keep a fact about the whole index, such as the score below which nothing is close."""

    def revise(self, name: str, change: Callable[[str], str]) -> None:
        """Replace a note by what `change` makes of it ("" where there is none), no other writer between."""

    def categorize(self, rows: Sequence[tuple[int, str | None]]) -> None:
        """(id, category)."""


class Store(Protocol):
    """An open index."""

    @property
    def header(self) -> Header:
        """What it is made of."""

    def generation(self) -> int:
        """Grows with each commit that changes what can be found; caches are keyed by it."""

    def writer(self, *, owner: str) -> AbstractContextManager[Writer]:
        """The right to write, for as long as the block lasts.

        Raises:
            IndexFormatError: another writer holds an embedded index; says who and since when.
        """

    def notes(self) -> dict[str, str]:
        """What `Writer.note` kept."""

    def known(self, root: str) -> dict[str, Known]:
        """Path -> what is known of it, for every file of a root that is not deleted."""

    def deleted(self, root: str) -> dict[str, Known]:
        """Path -> what is known of it, for every file of a root that is gone and not purged."""

    def item(self, id: int) -> Item:
        """One item; DataError if there is none."""

    def items(self, ids: Iterable[int]) -> list[Item]:
        """Those that exist, in this order."""

    def select(self, filters: Filters, *, limit: int, offset: int = 0) -> list[Item]:
        """Items that pass, by path."""

    def count(self, filters: Filters) -> int:
        """How many pass."""

    def facet_counts(self, filters: Filters) -> dict[str, dict[str, int]]:
        """format, category, tag, folder, state, problem, watertight, coloured, textured -> value -> items.

        Each under all filters but its own, so it says what choosing another value would find; tags, of which
        all must hold, under their own too. A folder counts those below it; flags are "true" and "false".
        """

    def ids(self, filters: Filters) -> NDArray[np.int64]:
        """Ids that pass and have vectors, ascending."""

    def vectors(self, ids: NDArray[np.int64] | None = None) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Ids, ascending, and their (N, D) vectors; of all that can be found by default."""

    def views(self, ids: Sequence[int]) -> dict[int, NDArray[np.float16]]:
        """(V, D) of each that has pictures."""

    def nearest(
        self, vector: NDArray[np.float32], *, filters: Filters, limit: int, offset: int = 0
    ) -> list[tuple[int, float]]:
        """Ids and dot products, the largest first, ties by id: exact, filters first."""

    def thumbnail(self, id: int) -> bytes | None:
        """PNG."""

    def problems(self, *, limit: int, offset: int = 0) -> list[tuple[Item, Problem]]:
        """Findings about files that are there, the most serious first, then by path."""

    def every(self) -> Iterator[Entry]:
        """All that is stored, by root and path: for copies and comparisons."""

    def close(self) -> None:
        """Give back files and connections."""


@dataclass(frozen=True, kw_only=True)
class Graph:
    """A graph of neighbours through which a database searches, nearly right and much faster."""

    breadth: int
    """Candidates that a query looks at, and the most results that it gives."""
    recall: float
    """Share of the 10 nearest that are found, measured when it was built."""


@runtime_checkable
class Graphed(Protocol):
    """A store whose database searches by itself; its vectors stay where they are."""

    def graph(self) -> Graph | None:
        """The graph that was built, None without one."""

    def build_graph(self) -> Graph:
        """Build the graph, or build it anew; readers and writers go on meanwhile."""

    def nearest_by_graph(
        self, vector: NDArray[np.float32], *, filters: Filters, limit: int, breadth: int
    ) -> list[tuple[int, float]]:
        """`nearest` by the graph."""


@runtime_checkable
class InMemory(Protocol):
    """A store whose vectors lie in this process, so that many queries can read them at once."""

    def searchable(self, filters: Filters) -> tuple[Matrix, NDArray[np.int64]]:
        """Vectors, and the ids that pass; removed items may still be in the matrix."""

    def changed(self, since: int) -> NDArray[np.int64]:
        """Ids, ascending, whose vectors came or were replaced after a generation."""


@runtime_checkable
class Replaceable(Protocol):
    """A store in whose place another one can be put while it is open, as a rebuild does."""

    def replaced(self) -> bool:
        """Whether that happened; what was opened can still be read, and is not written to any more."""
