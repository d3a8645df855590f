"""Groups of duplicates: files of equal content, and models that look alike and have the same size.

Vectors alone call any two office chairs alike; together with size and proportions they find the part that was
exported twice. Of a group the item that came first stands for it. Files are never moved, changed or deleted.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from anaglyph.errors import ConfigError
from anaglyph.search.closeness import unit
from anaglyph.search.exact import dots
from anaglyph.search.items import Filters
from anaglyph.search.store import Store, Writer

NEAR = 0.97
"""Cosine from which two models look alike."""
TOLERANCE = 0.02
"""By which sizes and proportions of duplicates may differ, as a share of the longest side."""
DUPLICATE = "duplicate"
"""Tag of what was found to be one too many."""
PAGE = 10_000
ROWS, COLUMNS = 1024, 4096
"""Of the block of cosines that is in memory."""
_ROUNDING = 1e-4
"""Room for float32 products below the threshold; what decides is computed in float64."""
_STORED = 1e-6
"""By which equal directions differ, being stored in float32."""
Ids = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Group:
    """Items that may be one."""

    kind: Literal["exact", "near"]
    ids: tuple[int, ...]
    """Ascending; the first stands for the group."""
    cosines: tuple[float, ...]
    """Of each item and the first; 1 for equal content."""


@dataclass(frozen=True, eq=False)
class _Facts:
    """Of the items that are compared; row i of each belongs to one."""

    ids: Ids
    contents: Ids
    """Equal numbers for equal contents."""
    sizes: NDArray[np.float64]
    """(N, 3) width, height, depth."""


def find_groups(
    store: Store,
    *,
    near: float | None = NEAR,
    size: float | None = TOLERANCE,
    proportions: float | None = TOLERANCE,
    filters: Filters | None = None,
) -> list[Group]:
    """Groups of two and more, exact ones first, each kind by its first item; ignored items are left out.

    Near groups hold one item of each content. Two items are in one group if a chain of alike ones joins them.

    Args:
        store: an index.
        near: least cosine, in (0, 1]; None finds equal contents only.
        size: most by which longest sides differ; None lets copies of another scale pass.
        proportions: most by which width, height and depth differ, over the longest side; None lets all pass.
        filters: items that are compared, of those with vectors; all that can be found, by default.

    Raises:
        ConfigError: a threshold that cannot be meant.
    """
    _check(near, size, proportions)
    facts = _facts(store, Filters() if filters is None else filters)
    groups = list(_exact_groups(facts))
    if near is not None:
        _, first = np.unique(facts.contents, return_index=True)
        one_each = _Facts(facts.ids[first], facts.contents[first], facts.sizes[first])
        groups += _near_groups(store, one_each, near, size, proportions)
    return groups


def keep(writer: Writer, group: Iterable[int], *, kept: int) -> None:
    """One item of a group is the one to use: the others are tagged and, like it, out of the next review.

    Raises:
        ConfigError: `kept` is not in the group.
    """
    ids = sorted(set(group))
    if kept not in ids:
        raise ConfigError(f"item {kept} is not in the group {ids}; name one of its items.")
    others = [id for id in ids if id != kept]
    writer.tag(others, add=[DUPLICATE])
    writer.tag([kept], remove=[DUPLICATE])
    writer.ignore(others, True)


def _facts(store: Store, filters: Filters) -> _Facts:
    ids: list[int] = []
    contents: list[int] = []
    sizes: list[tuple[float, float, float]] = []
    numbers: dict[str, int] = {}
    passing = store.ids(filters).tolist()
    for first in range(0, len(passing), PAGE):
        for item in store.items(passing[first : first + PAGE]):
            if not item.ignored:
                ids.append(item.id)
                contents.append(numbers.setdefault(item.content, len(numbers)))
                sizes.append(item.facets.size)
    return _Facts(
        np.array(ids, dtype=np.int64),
        np.array(contents, dtype=np.int64),
        np.array(sizes, dtype=np.float64).reshape(-1, 3),
    )


def _exact_groups(facts: _Facts) -> Iterator[Group]:
    for rows in _together(facts.contents):
        ids = tuple(facts.ids[rows].tolist())
        yield Group(kind="exact", ids=ids, cosines=(1.0,) * len(ids))


def _near_groups(
    store: Store, facts: _Facts, near: float, size: float | None, proportions: float | None
) -> Iterator[Group]:
    order = np.argsort(facts.ids)
    ids, vectors = store.vectors(facts.ids[order])
    rows = order[np.isin(facts.ids[order], ids)]
    sizes = facts.sizes[rows]
    longest = sizes.max(axis=1, initial=0.0)
    known = np.isfinite(longest) & (longest > 0)  # without a size nothing says that two are the same
    ids, sizes, longest = ids[known], sizes[known], np.log(longest[known])
    vectors = unit(vectors[known])
    by_size = np.argsort(longest, kind="stable")
    labels = np.empty(len(ids), dtype=np.int64)
    labels[by_size] = _joined(
        vectors[by_size], sizes[by_size], longest[by_size], near=near, size=size, proportions=proportions
    )
    for members in _together(labels):
        cosines = dots(vectors[members], vectors[members[0]])
        yield Group(kind="near", ids=tuple(ids[members].tolist()), cosines=tuple(cosines.tolist()))


def _joined(
    vectors: NDArray[np.float32],
    sizes: NDArray[np.float64],
    longest: NDArray[np.float64],
    *,
    near: float,
    size: float | None,
    proportions: float | None,
) -> Ids:
    """(N,) equal numbers for rows that a chain of alike rows joins; rows by size, `longest` its logarithm."""
    labels = np.arange(len(vectors), dtype=np.int64)
    shares = sizes / np.exp(longest)[:, None]
    reach = math.inf if size is None else math.log1p(size)
    for top, left in _blocks(longest, reach):
        rows, columns = slice(top, top + ROWS), slice(left, left + COLUMNS)
        first, second = np.nonzero(vectors[rows] @ vectors[columns].T >= near - _ROUNDING)
        first, second = first + top, second + left
        open_ = labels[first] != labels[second]  # pairs that are joined already need no second look
        open_ &= np.abs(longest[first] - longest[second]) <= reach
        first, second = first[open_], second[open_]
        if proportions is not None:
            apart = np.abs(shares[first] - shares[second]).max(axis=1, initial=0.0)
            first, second = first[apart <= proportions], second[apart <= proportions]
        sure = _pair_dots(vectors, first, second) >= near - _STORED
        if sure.any():
            labels = _merged(labels, first[sure], second[sure])
    return labels


def _blocks(longest: NDArray[np.float64], reach: float) -> Iterator[tuple[int, int]]:
    """First row and first column of the blocks that hold a pair within reach, above the diagonal."""
    for top in range(0, len(longest), ROWS):
        last = longest[min(top + ROWS, len(longest)) - 1] + reach
        end = int(np.searchsorted(longest, last, side="right"))
        for left in range(top, end, COLUMNS):
            yield top, left


def _pair_dots(vectors: NDArray[np.float32], first: Ids, second: Ids) -> NDArray[np.float64]:
    result = np.empty(len(first))
    for start in range(0, len(first), 4096):
        part = slice(start, start + 4096)
        products = vectors[first[part]].astype(np.float64) * vectors[second[part]]
        result[part] = products.sum(axis=1)
    return result


def _merged(labels: Ids, first: Ids, second: Ids) -> Ids:
    count = len(labels)
    graph = coo_matrix(
        (np.ones(len(first), dtype=np.int8), (labels[first], labels[second])), shape=(count, count)
    )
    _, number = connected_components(graph, directed=False)
    merged: Ids = number.astype(np.int64)[labels]
    return merged


def _together(labels: Ids) -> Iterator[Ids]:
    """Rows of equal labels, two and more, each ascending, by their first row."""
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order])) + 1
    groups = [rows for rows in np.split(order, starts) if len(rows) > 1]
    yield from sorted(groups, key=lambda rows: int(rows[0]))


def _check(near: float | None, size: float | None, proportions: float | None) -> None:
    if near is not None and not 0.0 < near <= 1.0:
        raise ConfigError(f"near must lie in (0, 1], got {near}; 0.97 finds models that look alike.")
    for name, value in (("size", size), ("proportions", proportions)):
        if value is not None and not 0.0 <= value < math.inf:
            raise ConfigError(f"{name} must be 0 or more, a share such as 0.02, got {value}.")
