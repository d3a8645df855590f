"""What somebody types -> filters and parts of a query: ranges, boxes, and words that are files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from anaglyph.errors import ConfigError, DataError
from anaglyph.geometry.mesh_formats import SUPPORTED
from anaglyph.search.parts import Box, ModelPart, Part, PicturePart, TextPart, check_box

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp"})
MOST_PICTURE_BYTES = 20 << 20
Bounds = tuple[float | None, float | None]


def parse_range(name: str, text: str) -> Bounds:
    """`100:5000`, `100:`, `:5000` or `100`, which is both bounds.

    Raises:
        ConfigError: something else, or a range that holds nothing.
    """
    left, colon, right = text.partition(":")
    try:
        least = float(left) if left.strip() else None
        most = (float(right) if right.strip() else None) if colon else least
    except ValueError:
        least = most = math.nan
    given = [bound for bound in (least, most) if bound is not None]
    if not given or not all(math.isfinite(bound) for bound in given):
        raise ConfigError(f"{name} is {text[:60]!r}; write LEAST:MOST, such as 100:5000, 100: or :5000.")
    if least is not None and most is not None and least > most:
        raise ConfigError(f"{name} from {least:g} to {most:g} holds nothing; put the smaller number first.")
    return least, most


def parse_ranges(texts: Mapping[str, str | None]) -> dict[str, Bounds]:
    """Those that are given."""
    return {name: parse_range(name, text) for name, text in texts.items() if text is not None}


def parse_box(text: str) -> Box:
    """`left,top,right,bottom` in fractions of the picture.

    Raises:
        ConfigError: something else.
    """
    try:
        left, top, right, bottom = (float(each) for each in text.split(","))
    except ValueError as error:
        raise ConfigError(
            f"box is {text[:60]!r}; write left,top,right,bottom in fractions of the picture, such as "
            f"0.1,0.2,0.6,0.9."
        ) from error
    check_box((left, top, right, bottom))
    return left, top, right, bottom


def parts_of(
    words: Sequence[str], *, box: Box | None = None, mask: Path | None = None, together: bool = True
) -> list[Part]:
    """Parts of a query, of weight 1: files by their suffix, everything else is text.

    Args:
        words: as the command line gives them.
        box: of the one picture.
        mask: of the one picture.
        together: whether words that follow one another are one text, as if they stood in quotes.

    Raises:
        ConfigError: a box or mask without exactly one picture.
        DataError: a picture that cannot be read.
    """
    parts: list[Part] = []
    spoken: list[str] = []
    for word in [*words, ""]:
        part = _file(word)
        if spoken and (part is not None or not word or not together):
            parts.append(TextPart(text=" ".join(spoken)))
            spoken = []
        if part is not None:
            parts.append(part)
        elif word:
            spoken.append(word)
    if box is None and mask is None:
        return parts
    pictures = [place for place, part in enumerate(parts) if isinstance(part, PicturePart)]
    if len(pictures) != 1:
        raise ConfigError(f"a box or mask belongs to one picture; the query has {len(pictures)}.")
    (place,) = pictures
    picture = parts[place]
    if isinstance(picture, PicturePart):
        parts[place] = PicturePart(
            data=picture.data, name=picture.name, box=box, mask=None if mask is None else _bytes(mask)
        )
    return parts


def _file(word: str) -> Part | None:
    suffix = Path(word).suffix.lower()
    if suffix in PICTURES:
        return PicturePart(data=_bytes(Path(word)), name=Path(word).name)
    return ModelPart(path=Path(word)) if suffix in SUPPORTED else None


def _bytes(path: Path) -> bytes:
    """A picture file, or enough of it to be refused for its size."""
    if not path.is_file():
        raise DataError(
            f"there is no picture '{path}'; check the path, or leave the suffix away to search words."
        )
    try:
        with path.open("rb") as file:
            return file.read(MOST_PICTURE_BYTES + 1)
    except OSError as error:
        raise DataError(f"cannot read the picture '{path}': {error.strerror}. Check that you may.") from error
