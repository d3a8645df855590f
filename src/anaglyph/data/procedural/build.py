"""What a builder of a category returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anaglyph.geometry.assemble import Part


@dataclass(frozen=True, eq=False)
class Built:
    """The parts of one object and the phrase about it."""

    parts: Sequence[Part]
    caption: str
