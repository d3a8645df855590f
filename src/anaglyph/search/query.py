"""A query -> one vector: every part as a unit vector, times its weight, added up, and brought to length 1.

What is not wanted has a weight below 0. Of words, pictures and models the space knows the vectors; of an item
its own is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import AnaglyphError, ConfigError, DataError
from anaglyph.search.closeness import Closeness, Kind, unit
from anaglyph.search.parts import LikePart, ModelPart, Part, PicturePart, TextPart, check_parts
from anaglyph.search.store import Store

if TYPE_CHECKING:
    from anaglyph.encoders.spaces.space import Space

Vectors = NDArray[np.float32]
EmbedModel = Callable[[Path], Vectors]
"""A model file -> (D,); MeshError where it cannot be used."""
LEAST_LENGTH = 1e-3
"""Of the sum of all parts; below, they cancel out."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Query:
    """A query as it is searched with."""

    vector: Vectors
    """(D,) of length 1."""
    close: float | None = None
    """Score from which a hit is close; None where nobody measured it."""
    left_out: tuple[int, ...] = ()
    """Items that the query names; their user knows them."""
    notes: tuple[str, ...] = ()
    """What was done to the query, in words."""


@dataclass(frozen=True, kw_only=True)
class QueryEmbedder:
    """Makes vectors of queries."""

    store: Store
    space: Callable[[], Space]
    """Opens it when it is first needed; "more like this" does without."""
    model: EmbedModel
    closeness: Callable[[], Closeness]

    def embed(self, parts: Sequence[Part]) -> Query:
        """One query.

        Raises:
            ConfigError: parts that cannot be meant, or that the space does not read.
            DataError: a picture, model or item that cannot be used.
        """
        (made,) = self.embed_many([parts])
        if isinstance(made, AnaglyphError):
            raise made
        return made

    def embed_many(self, queries: Sequence[Sequence[Part]]) -> list[Query | AnaglyphError]:
        """Several queries, whose words and pictures go through the towers together."""
        made: list[Query | AnaglyphError | None] = [None] * len(queries)
        checked: dict[int, tuple[tuple[Part, ...], tuple[str, ...]]] = {}
        for place, parts in enumerate(queries):
            try:
                checked[place] = check_parts(parts)
            except ConfigError as error:
                made[place] = error
        vectors = iter(self._vectors([part for parts, _ in checked.values() for part in parts]))
        for place, (parts, notes) in checked.items():
            mine = [next(vectors) for _ in parts]
            try:
                made[place] = self._combined(parts, mine, notes)
            except AnaglyphError as error:
                made[place] = error
        return [each for each in made if each is not None]

    def _combined(
        self, parts: Sequence[Part], vectors: Sequence[_Embedded | AnaglyphError], notes: tuple[str, ...]
    ) -> Query:
        total = np.zeros(self.store.header.dim)
        for part, made in zip(parts, vectors, strict=True):
            if isinstance(made, AnaglyphError):
                raise made
            total += part.weight * made.vector.astype(np.float64)
            notes += made.notes
        length = float(np.linalg.norm(total))
        if length < LEAST_LENGTH * sum(abs(part.weight) for part in parts):
            raise ConfigError("the parts of this query cancel out; change a weight or take one away.")
        vector = (total / length).astype(np.float32)
        return Query(
            vector=vector,
            close=self.closeness().threshold(vector, [(kind_of(part), part.weight) for part in parts]),
            left_out=tuple({part.id: 0 for part in parts if isinstance(part, LikePart)}),
            notes=notes,
        )

    def _vectors(self, parts: Sequence[Part]) -> list[_Embedded | AnaglyphError]:
        """Unit vectors, or what went wrong, in the order of the parts."""
        made: list[_Embedded | AnaglyphError] = [_NOTHING] * len(parts)
        texts = [place for place, part in enumerate(parts) if isinstance(part, TextPart)]
        pictures = [place for place, part in enumerate(parts) if isinstance(part, PicturePart)]
        for place, part in enumerate(parts):
            if isinstance(part, LikePart | ModelPart):
                made[place] = self._shape(part)
        for places, embed in ((texts, self._texts), (pictures, self._pictures)):
            for place, each in zip(places, embed([parts[place] for place in places]), strict=True):
                made[place] = each
        return made

    def _shape(self, part: LikePart | ModelPart) -> _Embedded | AnaglyphError:
        try:
            if isinstance(part, ModelPart):
                return _Embedded(unit(self.model(part.path)))
            _, rows = self.store.vectors(np.array([part.id], dtype=np.int64))
            if not len(rows):
                item = self.store.item(part.id)
                raise DataError(f"item {part.id} ('{item.path}') could not be read, so nothing is like it.")
            return _Embedded(unit(rows[0]))
        except AnaglyphError as error:
            return error

    def _texts(self, parts: Sequence[Part]) -> list[_Embedded | AnaglyphError]:
        texts = [part.text for part in parts if isinstance(part, TextPart)]
        if not texts:
            return []
        try:
            rows = self.space().texts(texts).numpy()
        except AnaglyphError as error:
            if len(texts) == 1:
                return [error]
            return [each for part in parts for each in self._texts([part])]
        return [_Embedded(row) for row in rows]

    def _pictures(self, parts: Sequence[Part]) -> list[_Embedded | AnaglyphError]:
        if not parts:
            return []
        import torch  # here: not every search has pictures

        from anaglyph.search.query_pictures import prepared_picture

        made: list[_Embedded | AnaglyphError] = []
        ready, notes = [], []
        for part in parts:
            if not isinstance(part, PicturePart):
                continue
            try:
                space = self.space()
                seen, note = prepared_picture(part, pixels=space.pixels or 1)
                ready.append(torch.from_numpy(seen).float() / 255.0)
                notes.append(note)
                made.append(_NOTHING)
            except AnaglyphError as error:
                made.append(error)
        if not ready:
            return made
        try:
            rows = iter(self.space().pictures(torch.stack(ready)).numpy())
        except AnaglyphError as error:
            return [error if each is _NOTHING else each for each in made]
        told = iter(notes)
        return [_Embedded(next(rows), next(told)) if each is _NOTHING else each for each in made]


@dataclass(frozen=True, eq=False)
class _Embedded:
    vector: Vectors
    """(D,) of length 1."""
    notes: tuple[str, ...] = ()


_NOTHING = _Embedded(np.empty(0, dtype=np.float32))


def kind_of(part: Part) -> Kind:
    """Whose scores its scores resemble."""
    if isinstance(part, TextPart):
        return "text"
    return "image" if isinstance(part, PicturePart) else "shape"
