"""Picture files that cost far more to decode than they weigh, found before a decoder reads them.

A limit on bytes and pixels leaves two doors open: millions of empty pieces, which Pillow walks one by
one, and a progressive JPEG whose scans repeat, each of which goes over every pixel again.
"""

from __future__ import annotations

from collections.abc import Iterator

from anaglyph.errors import DataError
from anaglyph.io.png_rows import SIGNATURE

MAX_PARTS = 20_000
"""Chunks or segments of one file; a camera or a drawing program writes tens to a few thousand."""
MAX_SCANNED_PIXELS = 1_000_000_000
"""Pixels times scans of a progressive JPEG; encoders write about ten scans."""
_SCAN = b"\xff\xda"
_WITHOUT_LENGTH = frozenset({0x00, 0x01, 0xFF, *range(0xD0, 0xD9)})


def check_parts(data: bytes, *, where: str) -> None:
    """DataError where a PNG, JPEG or WebP file has too many pieces; the walk stops at the first odd one."""
    for count, _ in enumerate(_parts(data), start=1):
        if count > MAX_PARTS:
            raise DataError(f"{where} has more than {MAX_PARTS} parts; a picture has fewer. Save it anew.")


def check_scans(data: bytes, *, pixels: int, where: str) -> None:
    """DataError where a JPEG's scans together go over too many pixels.

    In coded data 255 is never followed by the scan marker's 218, so counting the two bytes is enough.
    """
    scans = data.count(_SCAN) if data.startswith(b"\xff\xd8") else 1
    if scans * pixels > MAX_SCANNED_PIXELS:
        raise DataError(
            f"{where} goes over its {pixels} pixels {scans} times; at most {MAX_SCANNED_PIXELS} pixels are "
            f"decoded in all. Save it anew."
        )


def _parts(data: bytes) -> Iterator[int]:
    """Places of the file's pieces, as far as they can be followed."""
    if data.startswith(SIGNATURE):
        return _chunks(data, start=8, order="big", overhead=12, length_at=0)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _chunks(data, start=12, order="little", overhead=8, length_at=4)
    return _segments(data) if data.startswith(b"\xff\xd8") else iter(())


def _chunks(data: bytes, *, start: int, order: str, overhead: int, length_at: int) -> Iterator[int]:
    place = start
    big = order == "big"
    while place + 8 <= len(data):
        yield place
        length = int.from_bytes(data[place + length_at : place + length_at + 4], "big" if big else "little")
        place += overhead + length + (0 if big else length % 2)


def _segments(data: bytes) -> Iterator[int]:
    """JPEG segments up to the first scan; bytes that only fill up count too."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF and data[place : place + 2] != _SCAN:
        yield place
        if data[place + 1] == 0xFF:
            place += 1
        elif data[place + 1] in _WITHOUT_LENGTH:
            place += 2
        else:
            place += 2 + max(2, int.from_bytes(data[place + 2 : place + 4], "big"))
