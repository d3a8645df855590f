"""Plain tar archives: where each member lies, read from the headers alone, and headers to write some.

A tar is a row of 512-byte headers and contents, so that a member is one read at a known place. Headers from
others are not believed: only files are listed, names may not lead out, sizes must fit into the file, and what
extended headers announce is bounded before it is read.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from anaglyph.io.archive import safe_name

BLOCK = 512
MAX_NAME = 255
"""Bytes of a member's whole name."""
_MAX_EXTENDED = 64 << 10
"""Bytes of one extended header; they hold a name and a few times."""
_FILE, _FOLDER = (b"0", b"\0", b"7"), b"5"
_EXTENDED, _GLOBAL, _LONG_NAME = b"x", b"g", b"L"
END = bytes(2 * BLOCK)
"""What closes an archive."""


@dataclass(frozen=True)
class Member:
    """One file of an archive."""

    name: str
    offset: int
    """Of its first byte in the archive."""
    size: int
    """In bytes."""


class TarError(ValueError):
    """An archive that is damaged or asks for what is not done here; the message says what."""


class TruncatedError(TarError):
    """An archive that ends before its contents do; what came before is whole."""


def members(file: IO[bytes], *, most: int = 1_000_000) -> Iterator[Member]:
    """The files of an uncompressed archive in their order; contents are skipped, not read.

    Raises:
        TruncatedError: it ends too early.
        TarError: not a tar, a damaged header, a link or device, a name that leads out, or more than `most`
            members.
    """
    end = file.seek(0, os.SEEK_END)
    place = count = 0
    extended: dict[str, str] = {}
    while (block := _next_header(file, place)) is not None:
        kind, name, size = _parsed(block, place)
        offset = place + BLOCK
        count += 1
        if count > most:
            raise TarError(f"it has more than {most} members")
        if kind in (_EXTENDED, _GLOBAL, _LONG_NAME):
            extended |= _extension(kind, _whole(file, size, offset))
        else:
            member = _member(name, size, offset, extended, end)
            size, extended = member.size, {}
            if kind in _FILE:
                yield member
            elif kind != _FOLDER:
                raise TarError(f"its member {member.name!r} is a link or a device, not a file")
        place = offset + -(-size // BLOCK) * BLOCK


def header(name: str, size: int) -> bytes:
    """The header of a file; ValueError for a name that does not fit into it."""
    about = tarfile.TarInfo(name)
    about.size = size
    return about.tobuf(format=tarfile.USTAR_FORMAT)


def padding(size: int) -> bytes:
    """What fills the last block of a content."""
    return bytes(-size % BLOCK)


def _next_header(file: IO[bytes], place: int) -> bytes | None:
    """The header at `place`; None at the closing blocks."""
    file.seek(place)
    block = file.read(BLOCK)
    if not place and not block.strip(b"\0"):
        raise TarError("it is empty")
    if not block:
        raise TruncatedError(f"it ends after {place} bytes without its closing blocks")
    return block if block != bytes(BLOCK) else None


def _parsed(header: bytes, place: int) -> tuple[bytes, str, int]:
    """Kind, name and size, where the header's checksum is right."""
    if len(header) < BLOCK and place:
        raise TruncatedError(f"it ends within the header at byte {place}")
    digits = header[148:156].strip(b"\0 ")
    right = len(header) == BLOCK and digits.isdigit() and not digits.strip(b"01234567")
    if not right or int(digits, 8) != sum(header[:148]) + sum(header[156:]) + 8 * 32:
        if place:
            raise TarError(f"the header at byte {place} is damaged")
        raise TarError("it is no uncompressed tar archive")
    name = _text(header[:100])
    if header[257:263] == b"ustar\0" and header[345:500].strip(b"\0"):
        name = f"{_text(header[345:500])}/{name}"
    return header[156:157], name, _number(header[124:136])


def _extension(kind: bytes, data: bytes) -> dict[str, str]:
    """What an extended header says of the member that follows."""
    if kind == _LONG_NAME:
        return {"path": data.rstrip(b"\0").decode("utf-8", errors="surrogateescape")}
    return _records(data) if kind == _EXTENDED else {}


def _member(name: str, size: int, offset: int, extended: dict[str, str], end: int) -> Member:
    if any(key.startswith("GNU.sparse") for key in extended):
        raise TarError(f"the member {name[:80]!r} is sparse")
    try:
        name = safe_name(extended.get("path", name))
    except ValueError as error:
        raise TarError(str(error)) from error
    size = int(extended.get("size", size))
    if offset + size > end:
        raise TruncatedError(
            f"its member {name!r} needs {offset + size} bytes, the file has {end}: it is truncated or lies"
        )
    return Member(name, offset, size)


def _number(field: bytes) -> int:
    """Octal digits, or binary where the first bit is set (sizes of 8 GiB and more)."""
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:], "big")
    try:
        return int(field.strip(b"\0 ") or b"0", 8)
    except ValueError as error:
        raise TarError("a header holds letters where a number belongs") from error


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", errors="surrogateescape")


def _records(data: bytes) -> dict[str, str]:
    """The `length name=value` lines of an extended header."""
    found = {}
    while data.strip(b"\0"):
        digits, blank, _ = data.partition(b" ")
        if not blank or not digits.isdigit() or len(digits) > 6 or not len(digits) < int(digits) <= len(data):
            raise TarError("an extended header is damaged")
        name, equals, value = data[len(digits) + 1 : int(digits) - 1].partition(b"=")
        if not equals:
            raise TarError("an extended header is damaged")
        found[name.decode("utf-8", errors="replace")] = value.decode("utf-8", errors="surrogateescape")
        data = data[int(digits) :]
    if not found.get("size", "0").isdecimal() or len(found.get("size", "0")) > 18:
        raise TarError("an extended header holds letters where a number belongs")
    return found


def _whole(file: IO[bytes], size: int, offset: int) -> bytes:
    """The content of an extended header."""
    if size > _MAX_EXTENDED:
        raise TarError(f"an extended header of {size} bytes is announced; at most {_MAX_EXTENDED}")
    data = file.read(size)
    if len(data) < size:
        raise TruncatedError(f"it ends within the extended header at byte {offset}")
    return data
