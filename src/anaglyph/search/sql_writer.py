"""Changes to an index in a database, each one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from anaglyph.search import sql_writing
from anaglyph.search.item_rows import checked_vectors
from anaglyph.search.items import Entry

T = TypeVar("T")


class Change(Protocol):
    """A transaction that is under way."""

    def run(self, sql: str, values: Sequence[Any], /) -> list[Any]:
        """One statement with `?` for its values, and its rows."""

    def many(self, sql: str, rows: Sequence[Sequence[Any]], /) -> None:
        """One statement for many rows of values."""

    def put_vectors(self, rows: Sequence[tuple[int, NDArray[np.float32]]]) -> None:
        """(id, (D,) vector) of items that have none."""


class Session(Protocol):
    """The right to write to one database."""

    def change(self, work: Callable[[Change], T]) -> T:
        """Do `work` in a transaction that moves the generation: all of it is kept, or nothing.

        Where writers meet, it may be done again from the start.
        """


class SqlWriter:
    """A `Writer`; made by `SqlStore.writer`, and good for its block."""

    def __init__(self, session: Session, *, dim: int) -> None:
        self._session = session
        self._dim = dim

    def put(self, entries: Sequence[Entry]) -> list[int]:
        """Add (id 0) or replace items with all that belongs to them, in one transaction; their ids."""
        checked = [checked_vectors(entry, dim=self._dim) for entry in entries]

        def work(change: Change) -> list[int]:
            places = sql_writing.put_items(change.run, [entry.item for entry in entries])
            # The same file twice in one call: the later entry is the one that stays.
            last = {id: row for row, (id, _) in enumerate(places)}
            new = {id for id, is_new in places if is_new}
            sql_writing.put_details(
                change.run,
                change.many,
                [(id, id in new, entries[row], checked[row][1]) for id, row in last.items()],
            )
            vectors = ((id, checked[row][0]) for id, row in last.items())
            change.put_vectors([(id, vector) for id, vector in vectors if vector is not None])
            return [id for id, _ in places]

        return self._session.change(work) if entries else []

    def touch(self, rows: Sequence[tuple[int, int, int]]) -> None:
        """(id, bytes, modified) of files whose content is as before."""
        self._session.change(lambda change: sql_writing.touch_items(change.many, rows))

    def move(self, rows: Sequence[tuple[int, str, str]]) -> list[int]:
        """(id, path, new path): the file lies elsewhere and keeps its vectors; ids of those that moved."""
        return self._session.change(lambda change: sql_writing.move_items(change.run, rows))

    def mark_deleted(self, ids: Sequence[int]) -> None:
        """Their files are gone; they are found no more."""
        self._session.change(lambda change: sql_writing.mark_deleted(change.many, ids))

    def purge(self) -> int:
        """Remove deleted items for good; how many."""
        return self._session.change(lambda change: sql_writing.purge_items(change.run))

    def tag(self, ids: Sequence[int], *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """Tags of items; DataError where one is not there."""

        def work(change: Change) -> None:
            sql_writing.require_items(change.run, ids)
            sql_writing.remove_tags(change.many, [(id, tag) for id in ids for tag in remove])
            sql_writing.add_tags(change.many, [(id, tag) for id in ids for tag in add])

        self._session.change(work)

    def ignore(self, ids: Sequence[int], ignored: bool) -> None:
        """Leave items out of duplicates, or take them in again; DataError where one is not there."""

        def work(change: Change) -> None:
            sql_writing.require_items(change.run, ids)
            sql_writing.set_ignored(change.many, ids, ignored)

        self._session.change(work)

    def note(self, name: str, value: str) -> None:
        """Keep a fact about the whole index."""
        self._session.change(lambda change: sql_writing.put_note(change.run, name, value))

    def revise(self, name: str, change: Callable[[str], str]) -> None:
        """Replace a note by what `change` makes of it, "" where there is none."""

        def work(under_way: Change) -> None:
            before = sql_writing.held_note(under_way.run, name)
            sql_writing.put_note(under_way.run, name, change(before))

        self._session.change(work)

    def categorize(self, rows: Sequence[tuple[int, str | None]]) -> None:
        """(id, category)."""
        self._session.change(lambda change: sql_writing.set_categories(change.many, rows))
