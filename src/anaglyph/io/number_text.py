"""Numbers out of text, block by block: text takes many times its size in memory once it is words."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

MAX_TEXT_BYTES = 512 << 20
_BLOCK = 1 << 16


def read_table(data: bytes, *, most: int) -> NDArray[np.float64]:
    """(lines, columns) by spaces, commas or semicolons.

    Empty lines and lines that begin with # are left out; a first line without numbers is a heading.

    Raises:
        ValueError: not text, not numbers, uneven, more than `most` lines, or too large.
    """
    check_text(data)
    room = max(data.count(b"\n"), data.count(b"\r")) + 1
    if room > most + 2:  # a heading, and an end of line after the last
        raise ValueError(f"it has {room} lines; at most {most} points are read")
    table, filled = np.empty((0, 0)), 0
    for block in text_blocks(data):
        words = [
            line.split()
            for line in block.decode("utf-8").replace(",", " ").replace(";", " ").splitlines()
            if line.strip() and not line.lstrip().startswith("#")
        ]
        if words and not table.size:
            words = words if _is_number(words[0][0]) else words[1:]
            if words:
                width = len(words[0])
                table = np.empty((min(room, (len(data) + 1) // (2 * width)), width))
        widths = {len(line) for line in words} | ({table.shape[1]} if table.size else set())
        if len(widths) > 1:
            raise ValueError(f"its lines have {sorted(widths)} columns")
        if words:
            table[filled : filled + len(words)] = np.array(words, dtype=np.float64)
            filled += len(words)
    if not filled:
        raise ValueError("its lines have no columns")
    return table[:filled]


def read_columns(
    data: bytes, columns: list[int], *, start: int, end: int, width: int, count: int
) -> NDArray[np.float64]:
    """(count, columns) of the lines from `start` to `end`, of `width` words at least, empty ones left out.

    Raises:
        ValueError: not numbers, too few lines, or too large.
    """
    check_text(data)
    if count * 2 * width > end - start + 1:  # a digit and what parts it from the next
        raise ValueError(f"truncated: {count} lines of {width} numbers announced in {end - start} bytes")
    table, filled = np.empty((count, len(columns))), 0
    for block in text_blocks(data, start=start, end=end):
        lines = [line.split() for line in block.split(b"\n") if line.strip()]
        if any(len(line) < width for line in lines):
            raise ValueError(f"truncated: a line has fewer than {width} numbers")
        if lines:
            chosen = [[float(line[column]) for column in columns] for line in lines]
            table[filled : filled + len(lines)] = chosen
            filled += len(lines)
    if filled < count:
        raise ValueError(f"truncated: {count} lines announced, {filled} are there")
    return table


def read_off(data: bytes, *, most: int) -> NDArray[np.float64]:
    """(N, 3) vertices of an OFF mesh; some ModelNet files have the counts on the first line, after 'OFF'.

    Raises:
        ValueError: what is wrong with it.
    """
    check_text(data)
    words = (
        word
        for block in text_blocks(data)
        for line in block.split(b"\n")
        for word in line.partition(b"#")[0].split()
    )
    first = next(words, b"")
    if not first.startswith(b"OFF"):
        raise ValueError("it does not begin with OFF")
    count = int(first[3:] or next(words, b""))
    next(words, b""), next(words, b"")  # faces, edges
    if count > most:
        raise ValueError(f"it announces {count} vertices; at most {most} are read")
    if count < 0 or 6 * count > len(data):
        raise ValueError(f"truncated: {count} vertices announced in {len(data)} bytes")
    numbers = np.fromiter((float(word) for word in islice(words, 3 * count)), np.float64)
    if len(numbers) < 3 * count:
        raise ValueError(f"truncated: {count} vertices announced, {len(numbers) // 3} are there")
    return numbers.reshape(-1, 3)


def check_text(data: bytes) -> None:
    """ValueError when there is more text than is read."""
    if len(data) > MAX_TEXT_BYTES:
        raise ValueError(
            f"it has {len(data)} bytes of text, at most {MAX_TEXT_BYTES} are read; store it as .npy"
        )


def text_blocks(data: bytes, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """`data[start:end]` in pieces of whole lines.

    Raises:
        ValueError: a line longer than any line of numbers.
    """
    stop = len(data) if end is None else end
    while start < stop:
        cut = min(start + _BLOCK, stop)
        if cut < stop:
            cut = max(data.rfind(b"\n", start, cut), data.rfind(b"\r", start, cut)) + 1
            if cut == 0:
                raise ValueError(f"it has a line of more than {_BLOCK} bytes, so it is no list of points")
        yield data[start:cut]
        start = cut


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
