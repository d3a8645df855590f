"""Changes to an embedded index, each a transaction of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anaglyph.search import sql_writing
from anaglyph.search.item_rows import checked_vectors
from anaglyph.search.items import Entry
from anaglyph.search.sqlite_file import named_errors


class SqliteWriter:
    """A `Writer`; made by `SqliteStore.writer`, whose lock it lives under."""

    def __init__(self, connection: sqlite3.Connection, folder: Path, *, dim: int) -> None:
        self._connection = connection
        self._folder = folder
        self._dim = dim

    def put(self, entries: Sequence[Entry]) -> list[int]:
        """Add (id 0) or replace items with all that belongs to them, in one transaction; their ids."""
        checked = [checked_vectors(entry, dim=self._dim) for entry in entries]
        with self._changing() as generation:
            places = [sql_writing.put_item(self._run, entry.item) for entry in entries]
            # The same file twice in one call: the later entry is the one that stays.
            last = {id: row for row, (id, _) in enumerate(places)}
            new = {id for id, is_new in places if is_new}
            placed = [(id, id in new, entries[row], checked[row][1]) for id, row in last.items()]
            sql_writing.put_details(self._run, self._many, placed)
            self._many(
                "INSERT INTO embeddings (item, generation, vector) VALUES (?, ?, ?)",
                [
                    (id, generation, vector.tobytes())
                    for id, row in last.items()
                    if (vector := checked[row][0]) is not None
                ],
            )
        return [id for id, _ in places]

    def touch(self, rows: Sequence[tuple[int, int, int]]) -> None:
        """(id, bytes, modified) of files whose content is as before."""
        with self._changing():
            sql_writing.touch_items(self._many, rows)

    def move(self, rows: Sequence[tuple[int, str]]) -> None:
        """(id, new path): the file lies elsewhere and keeps its vectors."""
        with self._changing():
            sql_writing.move_items(self._run, self._many, rows)

    def mark_deleted(self, ids: Sequence[int]) -> None:
        """Their files are gone; they are found no more."""
        with self._changing():
            self._many("UPDATE items SET state = 'deleted' WHERE id = ?", [(id,) for id in ids])

    def purge(self) -> int:
        """Remove deleted items for good; how many."""
        with self._changing():
            return sql_writing.purge_items(self._run)

    def tag(self, ids: Sequence[int], *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> None:
        """Tags of items."""
        with self._changing():
            sql_writing.existing(self._run, ids)
            sql_writing.remove_tags(self._many, [(id, tag) for id in ids for tag in remove])
            sql_writing.add_tags(self._many, [(id, tag) for id in ids for tag in add])

    def ignore(self, ids: Sequence[int], ignored: bool) -> None:
        """Leave items out of duplicates, or take them in again."""
        with self._changing():
            sql_writing.existing(self._run, ids)
            self._many("UPDATE items SET ignored = ? WHERE id = ?", [(bool(ignored), id) for id in ids])

    def note(self, name: str, value: str) -> None:
        """Keep a fact about the whole index."""
        with self._changing():
            self._many(
                "INSERT INTO notes (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET "
                "value = excluded.value",
                [(name, value)],
            )

    def _run(self, sql: str, values: Sequence[Any]) -> list[Any]:
        return self._connection.execute(sql, values).fetchall()

    def _many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self._connection.executemany(sql, rows)

    @contextmanager
    def _changing(self) -> Iterator[int]:
        """One transaction, whole or not at all; the generation that it makes."""
        with named_errors(self._folder):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                ((generation,),) = self._run(
                    "UPDATE header SET generation = generation + 1 RETURNING generation", ()
                )
                yield int(generation)
                self._connection.execute("COMMIT")
            except BaseException:
                # A full disk may have rolled back already.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
