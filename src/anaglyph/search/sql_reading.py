"""What every store reads, in SQL that SQLite and PostgreSQL share.

`Run` sends a statement with `?` for its values and gives all rows; a store wraps a group of calls in one read
transaction, so that they see one state.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import DataError
from anaglyph.search.filter_sql import Condition, Dialect, condition, marks
from anaglyph.search.item_rows import COLUMNS, SEVERITIES, damaged, item_from_row, problem_from_row
from anaglyph.search.items import Filters, Item, Problem
from anaglyph.search.store import Known

Run = Callable[[str, Sequence[Any]], list[Any]]
CHUNK = 500
"""Ids in one statement."""
FACETS = ("format", "category", "state", "watertight", "coloured", "textured")
"""Those that are a column of their own."""
_ITEM = ", ".join(f"i.{column}" for column in COLUMNS)


def read_items(run: Run, ids: Iterable[int]) -> list[Item]:
    """Those that exist, in this order."""
    wanted = [int(id) for id in ids]
    found: dict[int, Item] = {}
    for chunk in _chunks(dict.fromkeys(wanted)):
        some = marks(len(chunk))
        problems, tags = defaultdict(list), defaultdict(list)
        for id, *row in run(
            f"SELECT item, category, severity, reason FROM problems WHERE item IN ({some}) "
            "ORDER BY item, position",
            chunk,
        ):
            problems[id].append(problem_from_row(id, row))
        for id, tag in run(f"SELECT item, tag FROM tags WHERE item IN ({some})", chunk):
            if not isinstance(tag, str):
                raise damaged(id, "a tag", tag)
            tags[id].append(tag)
        for id, *row in run(f"SELECT i.id, {_ITEM} FROM items AS i WHERE i.id IN ({some})", chunk):
            found[id] = item_from_row(id, row, problems=tuple(problems[id]), tags=tuple(sorted(tags[id])))
    return [found[id] for id in wanted if id in found]


def read_item(run: Run, id: int) -> Item:
    """One item; DataError if there is none."""
    items = read_items(run, [id])
    if not items:
        raise DataError(f"no item {id} in this index; its ids are those that a search shows.")
    return items[0]


def read_known(run: Run, root: str, *, deleted: bool = False) -> dict[str, Known]:
    """Path -> what is known of it, for every file of a root that is not deleted, or every one that is."""
    known = {}
    for id, path, size, modified, content, state in run(
        "SELECT i.id, i.path, i.bytes, i.modified, i.content, i.state FROM items AS i "
        f"WHERE i.root = ? AND i.state {'=' if deleted else '<>'} 'deleted'",
        (root,),
    ):
        values = (id, size, modified)
        if any(type(value) is not int for value in values) or type(path) is not str:
            raise damaged(id, "path, bytes or modified", (path, size, modified))
        known[path] = Known(id, size, modified, content, state)
    return known


def read_generation(run: Run) -> int:
    """The number of the last commit that changed what can be found."""
    ((generation,),) = run("SELECT generation FROM header", ())
    return int(generation)


def all_ids(run: Run, dialect: Dialect) -> Iterator[tuple[int, ...]]:
    """Ids of all that is stored, by root and path, in chunks."""
    order = f"root{dialect.binary}, path{dialect.binary}"
    return _chunks(id for (id,) in run(f"SELECT id FROM items ORDER BY {order}", ()))


def select_ids(run: Run, where: Condition, dialect: Dialect, *, limit: int, offset: int) -> list[int]:
    """A page of the ids that pass, by path."""
    rows = run(
        f"SELECT i.id FROM items AS i WHERE {where.sql} ORDER BY i.path{dialect.binary}, i.id "
        "LIMIT ? OFFSET ?",
        (*where.values, limit, offset),
    )
    return [id for (id,) in rows]


def count_items(run: Run, where: Condition) -> int:
    """How many pass."""
    return int(run(f"SELECT COUNT(*) FROM items AS i WHERE {where.sql}", where.values)[0][0])


def searchable_ids(run: Run, where: Condition) -> NDArray[np.int64]:
    """Ids that pass and have vectors, ascending."""
    rows = run(
        f"SELECT i.id FROM items AS i WHERE {where.sql} "
        "AND EXISTS (SELECT 1 FROM embeddings AS e WHERE e.item = i.id) ORDER BY i.id",
        where.values,
    )
    return np.fromiter((id for (id,) in rows), np.int64, count=len(rows))


def count_facets(run: Run, filters: Filters, dialect: Dialect) -> dict[str, dict[str, int]]:
    """Facet -> value -> items, each facet without its own filter; see `Store.facet_counts`."""
    counts: dict[str, dict[str, int]] = {}
    for facet in FACETS:
        where = condition(filters, dialect, without=facet)
        rows = run(
            f"SELECT i.{facet}, COUNT(*) FROM items AS i WHERE {where.sql} GROUP BY i.{facet}", where.values
        )
        counts[facet] = {_name(value): count for value, count in rows if value is not None}
    # All tags must hold, so what another one would leave is counted under those that are chosen.
    where = condition(filters, dialect)
    rows = run(
        "SELECT t.tag, COUNT(*) FROM tags AS t JOIN items AS i ON i.id = t.item "
        f"WHERE {where.sql} GROUP BY t.tag",
        where.values,
    )
    counts["tag"] = dict(rows)
    where = condition(filters, dialect, without="problem")
    rows = run(
        "SELECT p.category, COUNT(DISTINCT p.item) FROM problems AS p JOIN items AS i ON i.id = p.item "
        f"WHERE {where.sql} GROUP BY p.category",
        where.values,
    )
    counts["problem"] = dict(rows)
    where = condition(filters, dialect, without="folder")
    rows = run(f"SELECT i.folder, COUNT(*) FROM items AS i WHERE {where.sql} GROUP BY i.folder", where.values)
    counts["folder"] = _with_those_above(rows)
    return {facet: dict(sorted(values.items())) for facet, values in counts.items()}


def read_problems(run: Run, dialect: Dialect, *, limit: int, offset: int) -> list[tuple[Item, Problem]]:
    """All findings about files that are there, the most serious first, then by path."""
    rank = " ".join(f"WHEN '{severity}' THEN {place}" for place, severity in enumerate(SEVERITIES))
    rows = run(
        "SELECT p.item, p.category, p.severity, p.reason FROM problems AS p JOIN items AS i ON i.id = p.item "
        f"WHERE i.state <> 'deleted' ORDER BY CASE p.severity {rank} END, i.path{dialect.binary}, "
        "p.item, p.position LIMIT ? OFFSET ?",
        (limit, offset),
    )
    items = {item.id: item for item in read_items(run, [row[0] for row in rows])}
    return [(items[id], problem_from_row(id, row)) for id, *row in rows]


def read_views(run: Run, ids: Iterable[int], *, dim: int) -> dict[int, NDArray[np.float16]]:
    """(V, D) of each that has pictures."""
    found = {}
    for chunk in _chunks(dict.fromkeys(int(id) for id in ids)):
        for id, blob in run(f"SELECT item, vectors FROM views WHERE item IN ({marks(len(chunk))})", chunk):
            if not isinstance(blob, bytes) or not blob or len(blob) % (2 * dim):
                raise damaged(id, "the view vectors", blob)
            vectors = np.frombuffer(blob, "<f2").reshape(-1, dim)
            if not np.isfinite(vectors).all():
                raise damaged(id, "the view vectors", "NaN or infinity")
            found[id] = vectors
    return found


def read_thumbnails(run: Run, ids: Iterable[int]) -> dict[int, bytes]:
    """PNG of each that has one."""
    found = {}
    for chunk in _chunks(ids):
        for id, png in run(f"SELECT item, png FROM thumbnails WHERE item IN ({marks(len(chunk))})", chunk):
            if not isinstance(png, bytes):
                raise damaged(id, "the thumbnail", png)
            found[id] = png
    return found


def read_notes(run: Run) -> dict[str, str]:
    """Name -> value."""
    return {str(name): str(value) for name, value in run("SELECT name, value FROM notes ORDER BY name", ())}


def _chunks(ids: Iterable[int]) -> Iterator[tuple[int, ...]]:
    ids = list(ids)
    for begin in range(0, len(ids), CHUNK):
        yield tuple(ids[begin : begin + CHUNK])


def _name(value: object) -> str:
    """0 and 1 of SQLite, False and True of PostgreSQL."""
    return value if isinstance(value, str) else ("true" if value else "false")


def _with_those_above(rows: Iterable[tuple[str, int]]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for folder, count in rows:
        parts = folder.split("/") if folder else []
        for depth in range(1, len(parts) + 1):
            counts["/".join(parts[:depth])] += count
    return dict(counts)
