"""What a query is put together from: words, pictures, models and items, each with a weight."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from anaglyph.errors import ConfigError

MOST_PARTS = 8
MOST_CHARACTERS = 1000
HEAVIEST = 100.0
Box = tuple[float, float, float, float]
"""Left, top, right and bottom, as fractions of the picture."""


@dataclass(frozen=True, kw_only=True)
class TextPart:
    """Words."""

    text: str
    weight: float = 1.0
    """Below 0 for what is not wanted."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PicturePart:
    """A picture file in memory: PNG, JPEG or WebP."""

    data: bytes
    name: str = "picture"
    """For notes and errors."""
    box: Box | None = None
    """Where the object is."""
    mask: bytes | None = None
    """A picture file, bright where the object is."""
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True)
class ModelPart:
    """A model file."""

    path: Path
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True)
class LikePart:
    """An item of the index."""

    id: int
    weight: float = 1.0


Part = TextPart | PicturePart | ModelPart | LikePart


def check_parts(parts: Sequence[Part]) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """The parts as they are used, long texts cut, and notes that say so.

    Raises:
        ConfigError: none or too many parts, a weight that cannot be meant, nothing that is wanted, an empty
            text, or a box that is none.
    """
    if not 1 <= len(parts) <= MOST_PARTS:
        raise ConfigError(f"a query has 1 to {MOST_PARTS} parts, got {len(parts)}.")
    for part in parts:
        if not math.isfinite(part.weight) or not 0.0 < abs(part.weight) <= HEAVIEST:
            raise ConfigError(
                f"a weight must lie in -{HEAVIEST:g} to {HEAVIEST:g} and not be 0, got {part.weight!r}."
            )
        if isinstance(part, PicturePart) and part.box is not None:
            check_box(part.box)
    if all(part.weight < 0 for part in parts):
        raise ConfigError("every part of this query says what is not wanted; add one that is.")
    used, notes = [], []
    for part in parts:
        if isinstance(part, TextPart):
            part, note = _shortened(part)
            notes += note
        used.append(part)
    return tuple(used), tuple(notes)


def check_box(box: Box) -> None:
    """ConfigError unless it holds a part of the picture."""
    left, top, right, bottom = box
    if not (0.0 <= left < right <= 1.0 and 0.0 <= top < bottom <= 1.0):  # NaN is in no range
        raise ConfigError(
            f"a box is left,top,right,bottom in fractions of the picture, from 0 to 1, got "
            f"{','.join(f'{side:g}' for side in box)}."
        )


def _shortened(part: TextPart) -> tuple[TextPart, list[str]]:
    text = " ".join(part.text.split())
    if not text:
        raise ConfigError(f"the text {part.text[:40]!r} is empty; write what to look for.")
    if len(text) <= MOST_CHARACTERS:
        return TextPart(text=text, weight=part.weight), []
    note = f"of {len(text)} characters of text the first {MOST_CHARACTERS} were used"
    return TextPart(text=text[:MOST_CHARACTERS], weight=part.weight), [note]
