"""Stored features of a split as records: parts are read when a record of theirs is asked for."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.array_records import ArrayRecords
from anaglyph.data.feature_files import PartFile, open_shard, shards_in
from anaglyph.data.records import Record
from anaglyph.errors import DataError

HELD_BYTES = 1 << 30
"""Of parts in memory; small sets are read once."""
_OF_ONE_SHARD = ("shard",)
"""What the plans of shards may differ in."""


class FeatureRecords:
    """Records of parts on disk.

    Args:
        parts: in order; keys are unique over all of them.
        held_bytes: parts that were read stay in memory up to this size; at least one does.
    """

    def __init__(self, parts: Sequence[PartFile], *, held_bytes: int = HELD_BYTES) -> None:
        self.parts = tuple(parts)
        self.held_bytes = held_bytes
        self._keys = tuple(key for part in parts for key in part.keys)
        self._starts = np.cumsum([0, *(len(part.keys) for part in parts)]).astype(np.int64)
        self._held: OrderedDict[int, ArrayRecords] = OrderedDict()

    @property
    def keys(self) -> tuple[str, ...]:
        """(N) ids, unique."""
        return self._keys

    @property
    def blocks(self) -> NDArray[np.int64]:
        """One block a part."""
        return self._starts

    def read(self, row: int) -> Record:
        """Record `row`; DataError when its part is damaged."""
        part = int(np.searchsorted(self._starts, row, side="right")) - 1
        return self._part(part).read(row - int(self._starts[part]))

    def fingerprint(self) -> str:
        """16 hexadecimal digits over the hashes of all parts."""
        return hashlib.sha256("".join(part.sha256 for part in self.parts).encode()).hexdigest()[:16]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_held": OrderedDict()}  # loader processes read for themselves

    def _part(self, number: int) -> ArrayRecords:
        if number in self._held:
            self._held.move_to_end(number)
            return self._held[number]
        self._held[number] = self.parts[number].read()
        while len(self._held) > 1 and sum(map(_size, self._held.values())) > self.held_bytes:
            self._held.popitem(last=False)
        return self._held[number]


@dataclass(frozen=True)
class StoredFeatures:
    """A split of a features folder."""

    records: FeatureRecords
    labels: NDArray[np.int64]
    class_names: tuple[str, ...]
    class_features: NDArray[np.float32] | None
    plan: Mapping[str, Any]
    """Of what and by what they were made."""


def open_features(folder: Path) -> StoredFeatures:
    """A split whose shards are all finished.

    Raises:
        DataError: missing, unfinished or damaged shards, or shards of different runs.
    """
    shards = [(path, open_shard(path)) for path in shards_in(folder)]
    first = _common(shards[0][1].plan)
    for path, shard in shards[1:]:
        if _common(shard.plan) != first:
            raise DataError(
                f"'{path}' was made of other data or by other towers than '{shards[0][0]}'; make one anew."
            )
    parts = [part for _, shard in shards for part in shard.parts]
    labels = np.array([label for part in parts for label in part.labels], dtype=np.int64)
    if not len(labels) or not isinstance(first.get("class_names"), list):
        raise DataError(f"'{folder}' holds no object; compute features of a split that has some.")
    return StoredFeatures(
        records=FeatureRecords(parts),
        labels=labels,
        class_names=tuple(map(str, first["class_names"])),
        class_features=shards[0][1].class_features,
        plan=first,
    )


def _common(plan: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in plan.items() if name not in _OF_ONE_SHARD}


def _size(records: ArrayRecords) -> int:
    arrays = (records.points, records.images, records.thumbnails, records.texts)
    return sum(array.nbytes for array in arrays if array is not None)
