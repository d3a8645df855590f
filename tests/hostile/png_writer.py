"""PNG files written by hand, so that every depth, colour type, interlacing and lie can be had."""

import struct
import zlib

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6
ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
"""First row, first column, row step and column step of the seven passes."""


def chunk(kind, data=b"", *, length=None, checksum=None):
    """One chunk; `length` and `checksum` may lie."""
    said = len(data) if length is None else length
    crc = zlib.crc32(kind + data) if checksum is None else checksum
    return struct.pack(">I", said) + kind + data + struct.pack(">I", crc)


def header(width, height, depth=8, colour=COLOUR, interlace=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


def packed(samples, depth):
    """(H, W, C) samples -> filtered rows, each with filter 0 in front."""
    rows = []
    for row in samples.reshape(len(samples), -1):
        if depth == 16:
            data = row.astype(">u2").tobytes()
        elif depth == 8:
            data = row.astype(np.uint8).tobytes()
        else:
            bits = ((row[:, None] >> np.arange(depth)[::-1]) & 1).astype(np.uint8)
            data = np.packbits(bits.reshape(-1)).tobytes()
        rows.append(b"\0" + data)
    return b"".join(rows)


def png(samples, *, depth=8, colour=COLOUR, palette=None, clear=None, interlace=False, before=b"", after=b""):
    """(H, W, C) whole numbers as a PNG; `clear` is the content of tRNS, `before` further chunks."""
    samples = np.asarray(samples)
    height, width = samples.shape[:2]
    if interlace:
        passes = [samples[row::down, column::across] for row, column, down, across in ADAM7]
        data = b"".join(packed(part, depth) for part in passes if part.size)
    else:
        data = packed(samples, depth)
    parts = [SIGNATURE, header(width, height, depth, colour, int(interlace)), before]
    if palette is not None:
        parts.append(chunk(b"PLTE", np.asarray(palette, dtype=np.uint8).tobytes()))
    if clear is not None:
        parts.append(chunk(b"tRNS", clear))
    return b"".join([*parts, chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND"), after])
