"""Whether a PNG is whole: the checksums of its pixels, and all the rows that its header announces.

Pillow leaves rows that a well-formed stream does not reach black and says nothing, and its own `verify`
refuses files that only lack the empty last chunk, which makers' pictures do. Here the stream is unpacked
once more in small blocks, which needs no memory to speak of.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from anaglyph.errors import DataError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BLOCK = 1 << 18
_DECISIVE = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
"""First row, first column, row step and column step of the seven passes."""


def check_png(data: bytes, *, where: str) -> None:
    """DataError where a PNG is damaged or ends early. Call it once the decoder found the header in order."""
    if not data.startswith(SIGNATURE):
        return
    needed, stream, there = _announced(data), zlib.decompressobj(), 0
    try:
        for start, stop in _pixel_chunks(data, where):
            packed = memoryview(data)[start:stop]
            while len(packed) and not stream.eof and there < needed:
                there += len(stream.decompress(packed, _BLOCK))
                packed = memoryview(stream.unconsumed_tail)
    except zlib.error as error:
        raise DataError(f"cannot read the picture {where}: {error}. Replace it.") from error
    there += len(stream.flush()) if there < needed else 0
    if there < needed:
        raise DataError(
            f"{where} announces {needed} bytes of pixels and holds {there}: rows are missing. Replace it."
        )


def _announced(data: bytes) -> int:
    """Bytes of all filtered rows, by the header in bytes 16 to 29."""
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    depth, colour, interlace = data[24], data[25], data[28]
    bits = depth * _CHANNELS.get(colour, 1)
    passes = _ADAM7 if interlace else ((0, 0, 1, 1),)
    total = 0
    for row, column, down, across in passes:
        rows, columns = -((row - height) // down), -((column - width) // across)
        total += rows * (1 + (columns * bits + 7) // 8) if rows > 0 and columns > 0 else 0
    return total


def _pixel_chunks(data: bytes, where: str) -> Iterator[tuple[int, int]]:
    """Where the content of each IDAT lies; what decides pixels is checked on the way."""
    place = len(SIGNATURE)
    while place + 8 <= len(data):
        kind, start = data[place + 4 : place + 8], place + 8
        stop = start + int.from_bytes(data[place : place + 4], "big")
        if stop + 4 > len(data):
            raise DataError(
                f"{where} is damaged: it ends inside of a part of {stop - start} bytes. Replace it."
            )
        checksum = int.from_bytes(data[stop : stop + 4], "big")
        if kind in _DECISIVE and checksum != zlib.crc32(memoryview(data)[place + 4 : stop]):
            raise DataError(f"{where} is damaged: its part {kind.decode('ascii')} was changed. Replace it.")
        if kind == b"IDAT":
            yield start, stop
        if kind == b"IEND":
            return
        place = stop + 4
