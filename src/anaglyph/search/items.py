"""What an index knows of a model file: where it lies, what it holds, what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

State = Literal["ready", "problem", "deleted"]
"""Can be found; could not be read; its file is gone (kept until `purge`)."""
Severity = Literal["serious", "warning", "note"]


@dataclass(frozen=True, kw_only=True)
class ItemFacets:
    """What can be filtered by; lengths in the file's own units, None where it means nothing."""

    format: str
    """Suffix without the dot, without case: "glb"."""
    vertices: int = 0
    faces: int = 0
    size: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Width (x), height (y) and depth (z) of the box around it, +y up."""
    proportions: float | None = None
    """Height over the longer of width and depth."""
    area: float | None = None
    volume: float | None = None
    """None where the surface is not closed."""
    watertight: bool = False
    coloured: bool = False
    """Colours of vertices, faces or materials."""
    textured: bool = False
    category: str | None = None
    """The folder it lies in, or what a list of class names makes of it; None where nobody said."""


@dataclass(frozen=True)
class Problem:
    """One finding about a file."""

    category: str
    """Stable name for scripts: "unreadable", "no_faces", "too_large", "timeout", "degenerate_faces" ..."""
    severity: Severity
    reason: str
    """What is wrong, the value, what to do."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """A model file. `id` never changes and is never given again."""

    id: int
    root: str
    """The folder that was indexed, absolute."""
    path: str
    """Below `root`, with forward slashes."""
    content: str
    """Hash of the file and of what it refers to; equal for equal models."""
    bytes: int
    modified: int
    """Nanoseconds, as the file system says."""
    added: int
    """UTC seconds, when it entered the index."""
    state: State
    facets: ItemFacets
    problems: tuple[Problem, ...] = ()
    tags: tuple[str, ...] = ()
    ignored: bool = False
    """Left out of duplicates, as its user said."""

    @property
    def name(self) -> str:
        """The file's name without folders and suffix."""
        return self.path.rsplit("/", 1)[-1].rsplit(".", 1)[0]

    @property
    def folder(self) -> str:
        """Below `root`, "" for `root` itself."""
        return self.path.rpartition("/")[0]


@dataclass(frozen=True, kw_only=True, eq=False)
class Entry:
    """What the indexer writes for one file: an item and, where it is ready, its vectors and picture."""

    item: Item
    """`id` 0 for a new one."""
    vector: NDArray[np.float32] | None = None
    """(D,) what queries are compared with."""
    views: NDArray[np.float16] | None = None
    """(V, D) unit vectors of its rendered views, to say which one matched; None without pictures."""
    thumbnail: bytes | None = None
    """PNG, V pictures side by side, for the turntable."""


@dataclass(frozen=True, kw_only=True)
class Hit:
    """One result."""

    item: Item
    score: float
    """Cosine, or the weighted sum of the parts' cosines."""
    view: int | None = None
    """The best-matching view."""
    close: bool = True
    """False where a query that means nothing reaches as far."""


@dataclass(frozen=True, kw_only=True)
class Filters:
    """All that are given must hold; bounds are inclusive."""

    formats: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    """All of them."""
    folder: str | None = None
    """This folder below the root and those below it."""
    states: tuple[State, ...] = ("ready",)
    problems: tuple[str, ...] = ()
    """Any of these categories of problems."""
    watertight: bool | None = None
    coloured: bool | None = None
    textured: bool | None = None
    ranges: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    """Least and most of faces, vertices, bytes, area, volume, proportions, width, height, depth, longest or
    added; None is no bound."""
    name: str | None = None
    """Letters that the path holds, without case."""
