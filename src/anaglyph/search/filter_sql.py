"""Filters as SQL: names of columns come from the tables below, everything a user wrote is a bound value.

The text is the same for SQLite and PostgreSQL but for the words in `Dialect`; `?` stands for a value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from anaglyph.errors import ConfigError, unknown_name
from anaglyph.search.item_rows import folded, is_text
from anaglyph.search.items import Filters

RANGES = {
    "faces": "i.faces",
    "vertices": "i.vertices",
    "bytes": "i.bytes",
    "area": "i.area",
    "volume": "i.volume",
    "proportions": "i.proportions",
    "width": "i.width",
    "height": "i.height",
    "depth": "i.depth",
    "longest": "i.longest",
    "added": "i.added",
}
"""What a range may bound -> its column."""
_LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Dialect:
    """Where the two databases differ."""

    position: str
    """Function of (text, part): where the part begins, 0 for nowhere."""
    binary: str
    """What makes an order that of code points, after a column's name."""


SQLITE = Dialect(position="instr", binary="")
POSTGRESQL = Dialect(position="strpos", binary=' COLLATE "C"')


@dataclass(frozen=True)
class Condition:
    """What follows WHERE, about `items AS i`, and the values of its `?`."""

    sql: str
    values: tuple[object, ...] = ()


def condition(filters: Filters, dialect: Dialect, *, without: str = "") -> Condition:
    """All filters together.

    Args:
        filters: any; a text that no path, tag or category can be passes nothing.
        dialect: of the database that will read it.
        without: a facet's name, whose own filter is left out.

    Raises:
        ConfigError: a range over something else than RANGES, or a bound that is no number.
    """
    named: tuple[tuple[str, Callable[[], list[Condition]]], ...] = (
        ("format", lambda: _one_of("i.format", filters.formats)),
        ("category", lambda: _one_of("i.category", filters.categories)),
        ("state", lambda: _one_of("i.state", filters.states)),
        ("folder", lambda: _below(filters.folder, dialect)),
        ("problem", lambda: _problems(filters.problems)),
        ("watertight", lambda: _flag("i.watertight", filters.watertight)),
        ("coloured", lambda: _flag("i.coloured", filters.coloured)),
        ("textured", lambda: _flag("i.textured", filters.textured)),
        ("tag", lambda: [_tag(tag) for tag in filters.tags]),
        ("range", lambda: [part for name in sorted(filters.ranges) for part in _range(name, filters)]),
        ("name", lambda: _name(filters.name, dialect)),
    )
    parts = [part for name, parts in named if name != without for part in parts()]
    if not parts:
        return Condition("TRUE")
    return Condition(
        " AND ".join(part.sql for part in parts), tuple(value for part in parts for value in part.values)
    )


def _one_of(column: str, values: Sequence[str]) -> list[Condition]:
    if not values:
        return []
    texts = tuple(value for value in values if is_text(value))
    return [Condition(f"{column} IN ({marks(len(texts))})", texts) if texts else Condition("FALSE")]


def _tag(tag: str) -> Condition:
    if not is_text(tag):
        return Condition("FALSE")
    return Condition("EXISTS (SELECT 1 FROM tags AS t WHERE t.item = i.id AND t.tag = ?)", (tag,))


def _problems(categories: Sequence[str]) -> list[Condition]:
    texts = tuple(category for category in categories if is_text(category))
    if not categories:
        return []
    if not texts:
        return [Condition("FALSE")]
    inner = f"SELECT 1 FROM problems AS p WHERE p.item = i.id AND p.category IN ({marks(len(texts))})"
    return [Condition(f"EXISTS ({inner})", texts)]


def _below(folder: str | None, dialect: Dialect) -> list[Condition]:
    folder = (folder or "").strip("/")
    if not folder:
        return []
    if not is_text(folder):
        return [Condition("FALSE")]
    column = f"i.folder{dialect.binary}"
    # "0" is the character after "/": all that starts with "folder/" lies between, which an index finds.
    sql = f"(i.folder = ? OR ({column} >= ? AND {column} < ?))"
    return [Condition(sql, (folder, f"{folder}/", f"{folder}0"))]


def _flag(column: str, value: bool | None) -> list[Condition]:
    return [] if value is None else [Condition(f"{column} = ?", (bool(value),))]


def _name(letters: str | None, dialect: Dialect) -> list[Condition]:
    if not letters:
        return []
    if not is_text(letters):
        return [Condition("FALSE")]
    return [Condition(f"{dialect.position}(i.folded, ?) > 0", (folded(letters),))]


def _range(name: str, filters: Filters) -> list[Condition]:
    if name not in RANGES:
        raise ConfigError(unknown_name("range", name, RANGES))
    least, most = filters.ranges[name]
    column = RANGES[name]
    bounds = ((f"{column} >= ?", least), (f"{column} <= ?", most))
    return [Condition(sql, (_bound(name, bound),)) for sql, bound in bounds if bound is not None]


def _bound(name: str, bound: float) -> float:
    if isinstance(bound, bool) or not isinstance(bound, (int, float)) or math.isnan(bound):
        raise ConfigError(f"a bound of '{name}' is {bound!r}; it must be a number, or None for no bound.")
    if isinstance(bound, int) and abs(bound) > _LARGEST:
        return math.copysign(math.inf, bound)
    return bound


def marks(count: int) -> str:
    """`?, ?, ?`."""
    return ", ".join("?" * count)
