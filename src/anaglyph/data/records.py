"""What is stored of an object whose pictures and texts went through frozen towers, and where it is read from.

Pictures and texts are never decoded in training: towers run once, and only their vectors are kept beside the
cloud (dossier MixCon3D, 0 and 2.2). A text is stored with its source, since sources are drawn differently.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import DataError

Floats = NDArray[np.floating[Any]]


class TextSource(IntEnum):
    """Where a text comes from; the number is what files hold."""

    NAME = 0
    """The object's own name or a raw description."""
    REJECTED_NAME = 1
    """A name that a filter found meaningless ("untitled 3")."""
    CAPTION = 2
    """A caption of its picture, the first captioner's (BLIP in OpenShape's data)."""
    OTHER_CAPTION = 3
    """The second captioner's (Azure in OpenShape's data)."""
    RETRIEVED = 4
    """A caption of look-alike pictures."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Record:
    """One object."""

    points: Floats
    """(P, 3) coordinates, or (P, 6) with red, green and blue in [0, 1]; axes as the data set states."""
    images: Floats
    """(V, D) vectors of its rendered views, V >= 0."""
    thumbnail: Floats | None = None
    """(D,) vector of its maker's picture."""
    texts: Floats
    """(T, E) vectors of its texts, T >= 0."""
    sources: NDArray[np.uint8]
    """(T,) `TextSource` of each."""


class Records(Protocol):
    """Random access to records; picklable, so that loader processes can have it."""

    @property
    def keys(self) -> tuple[str, ...]:
        """(N) ids, unique."""
        ...

    @property
    def blocks(self) -> NDArray[np.int64]:
        """(K + 1,) row where each block of neighbouring records begins, then N; one block where reading in
        any order costs the same. Shuffling keeps blocks together, so that a shard is read once an epoch.
        """
        ...

    def read(self, row: int) -> Record:
        """Record `row`; DataError naming the key when it cannot be read."""
        ...

    def fingerprint(self) -> str:
        """16 hexadecimal digits over all that is stored."""
        ...


def check_record(record: Record, *, key: str) -> Record:
    """The same record; DataError naming `key` when its parts do not fit together or are not finite."""
    problem = _problem(record)
    if problem:
        raise DataError(f"record '{key}': {problem}. Make it again, or leave it out.")
    return record


def _problem(record: Record) -> str:
    points, images, texts, sources = record.points, record.images, record.texts, record.sources
    if points.ndim != 2 or points.shape[1] not in (3, 6) or len(points) < 1:
        return f"points have shape {points.shape}; allowed are (P, 3) and (P, 6), P >= 1"
    if images.ndim != 2 or texts.ndim != 2:
        return f"image and text vectors have shapes {images.shape} and {texts.shape}; both need two axes"
    if sources.shape != (len(texts),) or (len(sources) and int(sources.max()) > max(TextSource)):
        return f"{len(texts)} texts come with sources {sources.tolist()[:8]}; one of 0 to 4 each"
    if record.thumbnail is not None and record.thumbnail.shape != images.shape[1:]:
        return f"the thumbnail's vector is {record.thumbnail.shape}, those of views {images.shape[1:]}"
    parts = (points, images, texts) if record.thumbnail is None else (points, images, texts, record.thumbnail)
    if not all(bool(np.isfinite(part).all()) for part in parts):
        return "it holds numbers that are not finite"
    if points.shape[1] == 6 and (float(points[:, 3:].min()) < 0.0 or float(points[:, 3:].max()) > 1.0):
        return "colours lie outside [0, 1]; divide by 255 if they are bytes"
    return ""
