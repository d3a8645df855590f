"""Records whose clouds are drawn to another number of points, once for each object and always the same."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.objects import digest
from anaglyph.data.records import Record, Records
from anaglyph.errors import ConfigError
from anaglyph.randomness import numpy_generator


@dataclass(frozen=True, kw_only=True, eq=False)
class ResampledRecords:
    """The same records with `points` points each: drawn with repetitions, as OpenShape's loader does it."""

    records: Records
    points: int

    def __post_init__(self) -> None:
        if self.points < 1:
            raise ConfigError(f"clouds cannot be drawn to {self.points} points; give at least 1.")

    @property
    def keys(self) -> tuple[str, ...]:
        """(N) ids, unique."""
        return self.records.keys

    @property
    def blocks(self) -> NDArray[np.int64]:
        """Those of the records."""
        return self.records.blocks

    def read(self, row: int) -> Record:
        """Record `row` with its points drawn by its key."""
        record = self.records.read(row)
        generator = numpy_generator("resampled cloud", self.keys[row])
        return replace(record, points=record.points[generator.integers(len(record.points), size=self.points)])

    def fingerprint(self) -> str:
        """16 hexadecimal digits over the records; another number of points is another data set."""
        return digest([self.records.fingerprint(), f"{self.points} points"], [])
