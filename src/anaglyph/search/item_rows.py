"""An item as a row of a table, the same in every store. What a row holds is checked: files may be hostile."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import DataError, IndexFormatError
from anaglyph.search.items import Entry, Item, ItemFacets, Problem, Severity, State

COLUMNS = (
    *("root", "path", "folder", "folded", "content", "bytes", "modified", "added", "state", "ignored"),
    *("format", "vertices", "faces", "width", "height", "depth", "longest", "proportions", "area", "volume"),
    *("watertight", "coloured", "textured", "category"),
)
"""Of the table `items`, after `id`. `folder`, `folded` and `longest` follow from others: filters use them."""
USERS_COLUMNS = ("added", "ignored")
"""Kept when a file is indexed again."""
STATES: tuple[str, ...] = get_args(State)
SEVERITIES: tuple[str, ...] = get_args(Severity)
_TEXT = ("root", "path", "content", "format")
_WHOLE = ("bytes", "modified", "added", "vertices", "faces")
_REAL = ("width", "height", "depth")
_REAL_OR_NONE = ("proportions", "area", "volume")
_FLAGS = ("ignored", "watertight", "coloured", "textured")


def folded(text: str) -> str:
    """A text without case, however its accents are written."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def is_text(value: str) -> bool:
    """Whether every store can keep it: no NUL, no half characters (names that are not UTF-8 have them)."""
    if "\0" in value:
        return False
    return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)


def as_text(value: str) -> str:
    """A sentence for people as every store can keep it; what it cannot is spelled out as a number."""
    return value.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def item_row(item: Item) -> tuple[Any, ...]:
    """The values of COLUMNS.

    Raises:
        DataError: a text that no store can keep, or a number that is not finite.
    """
    facets = item.facets
    row = (
        *(item.root, item.path, item.folder, folded(item.path), item.content, item.bytes, item.modified),
        *(item.added, item.state, item.ignored, facets.format, facets.vertices, facets.faces, *facets.size),
        *(max(facets.size), facets.proportions, facets.area, facets.volume),
        *(facets.watertight, facets.coloured, facets.textured, facets.category),
    )
    for name, value in zip(COLUMNS, row, strict=True):
        if isinstance(value, str) and not is_text(value):
            raise DataError(
                f"cannot keep {item.path!a}: its {name} is {value!a}, which is not UTF-8 text. "
                "Rename the file."
            )
        if isinstance(value, float) and not math.isfinite(value):
            raise DataError(f"cannot keep '{item.path}': its {name} is {value}, a finite number is needed.")
    if not _is_below(item.path):
        raise DataError(
            f"cannot keep '{item.path}': a path lies below its root, without '..' and empty parts."
        )
    if item.state not in STATES:
        raise DataError(f"cannot keep '{item.path}': state '{item.state}' is none of {', '.join(STATES)}.")
    return row


def checked_vectors(
    entry: Entry, *, dim: int
) -> tuple[NDArray[np.float32] | None, NDArray[np.float16] | None]:
    """(D,) and (V, D), contiguous; DataError where they do not fit the index or are not finite."""
    vector, views, path = entry.vector, entry.views, entry.item.path
    if vector is not None and (vector.shape != (dim,) or not np.isfinite(vector).all()):
        raise DataError(
            f"cannot keep '{path}': its vector is {_described(vector)}, the index takes {dim} finite numbers."
        )
    if views is not None and (views.ndim != 2 or views.shape[1] != dim or not np.isfinite(views).all()):
        raise DataError(
            f"cannot keep '{path}': its view vectors are {_described(views)}, the index takes (V, {dim}) "
            "finite numbers."
        )
    return (
        None if vector is None else np.ascontiguousarray(vector, dtype="<f4"),
        None if views is None else np.ascontiguousarray(views, dtype="<f2"),
    )


def item_from_row(
    id: int, row: Sequence[Any], *, problems: tuple[Problem, ...] = (), tags: tuple[str, ...] = ()
) -> Item:
    """An item of the values of COLUMNS.

    Raises:
        IndexFormatError: a value is not what its column holds.
    """
    named = dict(zip(COLUMNS, row, strict=True))
    _check(id, named)
    return Item(
        id=id,
        root=named["root"],
        path=named["path"],
        content=named["content"],
        bytes=named["bytes"],
        modified=named["modified"],
        added=named["added"],
        state=named["state"],
        ignored=bool(named["ignored"]),
        facets=ItemFacets(
            format=named["format"],
            vertices=named["vertices"],
            faces=named["faces"],
            size=(float(named["width"]), float(named["height"]), float(named["depth"])),
            proportions=named["proportions"],
            area=named["area"],
            volume=named["volume"],
            watertight=bool(named["watertight"]),
            coloured=bool(named["coloured"]),
            textured=bool(named["textured"]),
            category=named["category"],
        ),
        problems=problems,
        tags=tags,
    )


def problem_from_row(id: int, row: Sequence[Any]) -> Problem:
    """A problem of (category, severity, reason)."""
    category, severity, reason = row
    if severity not in SEVERITIES or not isinstance(category, str) or not isinstance(reason, str):
        raise damaged(id, "a problem", row)
    return Problem(category, severity, reason)


def damaged(id: object, column: str, value: object) -> IndexFormatError:
    """The error for a row that no writer of ours made."""
    shown = ascii(value) if len(ascii(value)) <= 60 else f"{ascii(value)[:60]}..."
    return IndexFormatError(
        f"the index is damaged: {column} of item {ascii(id)[:20]} is {shown}. "
        "Index the folder again with --rebuild."
    )


def _check(id: object, named: Mapping[str, Any]) -> None:
    kinds: tuple[tuple[tuple[str, ...], Any], ...] = (
        (_TEXT, lambda value: type(value) is str and is_text(value)),
        (("category",), lambda value: value is None or (type(value) is str and is_text(value))),
        (_WHOLE, lambda value: type(value) is int),
        (_REAL, _is_finite),
        (_REAL_OR_NONE, lambda value: value is None or _is_finite(value)),
        (_FLAGS, lambda value: type(value) in (int, bool) and value in (0, 1)),
        (("state",), lambda value: type(value) is str and value in STATES),
    )
    if type(id) is not int:
        raise damaged(id, "the id", id)
    for names, holds in kinds:
        for name in names:
            if not holds(named[name]):
                raise damaged(id, name, named[name])
    if not _is_below(named["path"]):
        raise damaged(id, "path", named["path"])


def _is_finite(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


def _is_below(path: str) -> bool:
    return not any(part in ("", ".", "..") for part in path.split("/"))


def _described(values: NDArray[Any]) -> str:
    return f"{values.shape}" if np.isfinite(values).all() else f"{values.shape} with NaN or infinity"
