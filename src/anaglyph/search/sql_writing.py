"""What every store writes, in SQL that SQLite and PostgreSQL share; the caller's transaction is around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import DataError
from anaglyph.search.filter_sql import marks
from anaglyph.search.item_rows import COLUMNS, USERS_COLUMNS, as_text, folded, is_text, item_row
from anaglyph.search.items import Entry, Item
from anaglyph.search.sql_reading import CHUNK, Run

RunMany = Callable[[str, Sequence[Sequence[Any]]], None]
"""One statement for many rows of values."""
_OF_FILES = tuple(column for column in COLUMNS if column not in USERS_COLUMNS)
_INSERT = (
    f"INSERT INTO items ({', '.join(COLUMNS)}) VALUES ({marks(len(COLUMNS))}) ON CONFLICT (root, path) "
    f"DO UPDATE SET {', '.join(f'{column} = excluded.{column}' for column in _OF_FILES)} RETURNING id"
)
_UPDATE = f"UPDATE items SET {', '.join(f'{column} = ?' for column in _OF_FILES)} WHERE id = ? RETURNING id"


def put_item(run: Run, item: Item) -> tuple[int, bool]:
    """Insert or replace the row of one item; its id, and whether it is new."""
    row = item_row(item)
    found = (
        [(item.id,)]
        if item.id
        else run("SELECT id FROM items WHERE root = ? AND path = ?", (item.root, item.path))
    )
    values = [value for name, value in zip(COLUMNS, row, strict=True) if name not in USERS_COLUMNS]
    if found and run(_UPDATE, (*values, found[0][0])):
        return int(found[0][0]), False
    if item.id:
        raise DataError(f"cannot replace item {item.id} ('{item.path}'): it is not there. Put it with id 0.")
    # Another writer of a shared store may be first between the two: then its row is replaced.
    return int(run(_INSERT, row)[0][0]), True


def put_items(run: Run, items: Sequence[Item]) -> list[tuple[int, bool]]:
    """`put_item` for many."""
    return [put_item(run, item) for item in items]


def put_details(
    run: Run, many: RunMany, placed: Sequence[tuple[int, bool, Entry, NDArray[np.float16] | None]]
) -> None:
    """Replace problems, view vectors and thumbnails of (id, new, entry, views); add the tags of new ones."""
    ids = [id for id, *_ in placed]
    for table in ("problems", "embeddings", "views", "thumbnails"):
        _remove(run, table, ids)
    many(
        "INSERT INTO problems (item, position, category, severity, reason) VALUES (?, ?, ?, ?, ?)",
        [
            (id, place, problem.category, problem.severity, as_text(problem.reason))
            for id, _, entry, _ in placed
            for place, problem in enumerate(entry.item.problems)
        ],
    )
    add_tags(many, [(id, tag) for id, new, entry, _ in placed if new for tag in entry.item.tags])
    many(
        "INSERT INTO views (item, vectors) VALUES (?, ?)",
        [(id, views.tobytes()) for id, _, _, views in placed if views is not None and len(views)],
    )
    many(
        "INSERT INTO thumbnails (item, png) VALUES (?, ?)",
        [(id, entry.thumbnail) for id, _, entry, _ in placed if entry.thumbnail is not None],
    )


def touch_items(many: RunMany, rows: Sequence[tuple[int, int, int]]) -> None:
    """(id, bytes, modified)."""
    many("UPDATE items SET bytes = ?, modified = ? WHERE id = ?", [(size, at, id) for id, size, at in rows])


def move_items(run: Run, rows: Sequence[tuple[int, str, str]]) -> list[int]:
    """(id, path, new path); all leave their places before the first takes its new one. Those that moved."""
    leave = "UPDATE items SET path = ? WHERE id = ? AND path = ? RETURNING root, folder, category"
    left = [(id, path, run(leave, (f"/moving/{id}", id, old))) for id, old, path in rows]
    moved = [(id, path, *facts[0]) for id, path, facts in left if facts]
    for id, path, root, old_folder, category in moved:
        for other, state in run("SELECT id, state FROM items WHERE root = ? AND path = ?", (root, path)):
            if state != "deleted":
                raise DataError(f"cannot move item {id} to '{path}': item {other} lies there.")
            run("DELETE FROM items WHERE id = ? RETURNING id", (other,))
        folder = path.rpartition("/")[0]
        if category == _top(old_folder):
            category = _top(folder)
        run(
            "UPDATE items SET path = ?, folder = ?, folded = ?, category = ?, state = CASE WHEN EXISTS "
            "(SELECT 1 FROM embeddings AS e WHERE e.item = items.id) THEN 'ready' ELSE 'problem' END "
            "WHERE id = ? RETURNING id",
            (path, folder, folded(path), category, id),
        )
    return [id for id, *_ in moved]


def mark_deleted(many: RunMany, ids: Sequence[int]) -> None:
    """Their files are gone."""
    many("UPDATE items SET state = 'deleted' WHERE id = ?", [(id,) for id in ids])


def set_ignored(many: RunMany, ids: Sequence[int], ignored: bool) -> None:
    """Leave items out of duplicates, or take them in again."""
    many("UPDATE items SET ignored = ? WHERE id = ?", [(bool(ignored), id) for id in ids])


def set_categories(many: RunMany, rows: Sequence[tuple[int, str | None]]) -> None:
    """(id, category)."""
    many("UPDATE items SET category = ? WHERE id = ?", [(category, id) for id, category in rows])


def put_note(run: Run, name: str, value: str) -> None:
    """Keep a fact about the whole index."""
    run(
        "INSERT INTO notes (name, value) VALUES (?, ?) "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value RETURNING name",
        (name, value),
    )


def held_note(run: Run, name: str) -> str:
    """A note, made where it is missing, that no other writer changes before this transaction ends."""
    run("INSERT INTO notes (name, value) VALUES (?, '') ON CONFLICT DO NOTHING RETURNING name", (name,))
    ((value,),) = run("UPDATE notes SET value = value WHERE name = ? RETURNING value", (name,))
    return str(value)


def purge_items(run: Run) -> int:
    """Remove deleted items for good; how many."""
    return len(run("DELETE FROM items WHERE state = 'deleted' RETURNING id", ()))


def add_tags(many: RunMany, rows: Sequence[tuple[int, str]]) -> None:
    """(id, tag); those that are there stay."""
    for _, tag in rows:
        if not tag.strip() or not is_text(tag):
            raise DataError(f"{tag!a} cannot be a tag: it must be UTF-8 text that is not blank.")
    many("INSERT INTO tags (item, tag) VALUES (?, ?) ON CONFLICT DO NOTHING", rows)


def remove_tags(many: RunMany, rows: Sequence[tuple[int, str]]) -> None:
    """(id, tag); those that are not there are no matter."""
    many("DELETE FROM tags WHERE item = ? AND tag = ?", [(id, tag) for id, tag in rows if is_text(tag)])


def require_items(run: Run, ids: Sequence[int]) -> None:
    """DataError where one of the ids is not there."""
    found: set[int] = set()
    for begin in range(0, len(ids), CHUNK):
        chunk = ids[begin : begin + CHUNK]
        found |= {id for (id,) in run(f"SELECT id FROM items WHERE id IN ({marks(len(chunk))})", chunk)}
    missing = [id for id in ids if id not in found]
    if missing:
        raise DataError(f"no item {missing[0]} in this index; its ids are those that a search shows.")


def _remove(run: Run, table: str, ids: Sequence[int]) -> None:
    for begin in range(0, len(ids), CHUNK):
        chunk = ids[begin : begin + CHUNK]
        run(f"DELETE FROM {table} WHERE item IN ({marks(len(chunk))}) RETURNING item", chunk)


def _top(folder: str) -> str | None:
    return folder.split("/")[0] if folder else None
