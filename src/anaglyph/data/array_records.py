"""Records out of arrays in memory or memory maps: texts of all objects lie in a row, with offsets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.objects import digest
from anaglyph.data.records import Floats, Record, TextSource, check_record
from anaglyph.data.schema import check_keys
from anaglyph.errors import DataError


@dataclass(frozen=True, kw_only=True, eq=False)
class ArrayRecords:
    """N objects. Shapes are checked when made, numbers when a record is read."""

    keys: tuple[str, ...]
    points: Floats
    """(N, P, 3 or 6) clouds."""
    images: Floats | None = None
    """(N, V, D) vectors of rendered views."""
    thumbnails: Floats | None = None
    """(N, D) vectors of makers' pictures."""
    pictured: NDArray[np.bool_] | None = None
    """(N,) which objects have a maker's picture; None where all have."""
    texts: Floats | None = None
    """(S, E) vectors of texts, those of the first object first."""
    sources: NDArray[np.uint8] | None = None
    """(S,) `TextSource` of each; None takes names."""
    offsets: NDArray[np.int64] | None = None
    """(N + 1,) object n has the texts offsets[n] to offsets[n + 1]; None where each has one."""

    def __post_init__(self) -> None:
        check_keys(self.keys)
        for name, axes in (("points", 3), ("images", 3), ("thumbnails", 2), ("pictured", 1)):
            array = getattr(self, name)
            if array is not None and (array.ndim != axes or len(array) != len(self.keys)):
                raise DataError(
                    f"{name} of {len(self.keys)} objects have shape {array.shape}; needed: {axes} axes."
                )
        if self.texts is None:
            return
        if self.texts.ndim != 2 or (self.sources is not None and self.sources.shape != self.texts.shape[:1]):
            raise DataError(f"texts have shape {self.texts.shape}; give (S, E) vectors and (S,) sources.")
        ends = self._offsets()
        if (
            len(ends) != len(self.keys) + 1
            or ends[0]
            or ends[-1] != len(self.texts)
            or np.any(np.diff(ends) < 0)
        ):
            raise DataError(
                f"{len(self.texts)} texts of {len(self.keys)} objects have {len(ends)} offsets, {ends[:1]} "
                f"to {ends[-1:]}; give one more than there are objects, rising from 0 to all texts."
            )

    @property
    def blocks(self) -> NDArray[np.int64]:
        """One block: any order costs the same."""
        return np.array([0, len(self.keys)], dtype=np.int64)

    def read(self, row: int) -> Record:
        """Record `row`; DataError naming the key when its numbers cannot be used."""
        shown = self.thumbnails is not None and (self.pictured is None or bool(self.pictured[row]))
        texts, sources = self._texts(row)
        record = Record(
            points=self.points[row],
            images=np.empty((0, 0), np.float32) if self.images is None else self.images[row],
            thumbnail=self.thumbnails[row] if shown and self.thumbnails is not None else None,
            texts=texts,
            sources=sources,
        )
        return check_record(record, key=self.keys[row])

    def fingerprint(self) -> str:
        """16 hexadecimal digits over all that is stored."""
        arrays = (
            self.points,
            self.images,
            self.thumbnails,
            self.pictured,
            self.texts,
            self.sources,
            self.offsets,
        )
        return digest(self.keys, arrays)

    def _offsets(self) -> NDArray[np.int64]:
        return np.arange(len(self.keys) + 1) if self.offsets is None else self.offsets

    def _texts(self, row: int) -> tuple[Floats, NDArray[np.uint8]]:
        if self.texts is None:
            return np.empty((0, 0), np.float32), np.empty(0, np.uint8)
        start, end = (int(place) for place in self._offsets()[row : row + 2])
        texts = self.texts[start:end]
        sources = (
            np.full(len(texts), TextSource.NAME, np.uint8)
            if self.sources is None
            else self.sources[start:end]
        )
        return texts, sources


def stacked(keys: Sequence[str], records: Sequence[Record]) -> ArrayRecords:
    """The same records as arrays; DataError where clouds or views are not equally many."""
    thumbnails = [record.thumbnail for record in records]
    width = records[0].images.shape[1]
    return ArrayRecords(
        keys=tuple(keys),
        points=_stacked("clouds", [record.points for record in records]),
        images=_stacked("views", [record.images for record in records]) if width else None,
        thumbnails=None
        if not any(each is not None for each in thumbnails)
        else np.stack([np.zeros(width, np.float32) if each is None else each for each in thumbnails]),
        pictured=np.array([each is not None for each in thumbnails]),
        texts=np.concatenate([record.texts for record in records]),
        sources=np.concatenate([record.sources for record in records]),
        offsets=np.cumsum([0, *(len(record.texts) for record in records)]).astype(np.int64),
    )


def _stacked(what: str, arrays: Sequence[Floats]) -> NDArray[Any]:
    shapes = sorted({array.shape for array in arrays})
    if len(shapes) > 1:
        raise DataError(
            f"{what} have shapes {shapes[0]} to {shapes[-1]}; arrays hold equally many of each object, "
            f"shards any number."
        )
    return np.stack(arrays)
