"""Zip archives from others, unpacked in memory with every byte counted as it is produced.

What an archive says about itself is not believed: sizes in its tables may lie in both directions, names may
climb out of the folder, members may be links, encrypted, doubled or archives themselves. Nothing is written
to disk.
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from anaglyph.errors import DataError

_CHUNK = 1 << 20
_COMPRESSIONS = {zipfile.ZIP_STORED: "stored", zipfile.ZIP_DEFLATED: "deflated"}
_NESTED = (b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"BZh", b"7z\xbc\xaf\x27\x1c", b"\xfd7zXZ\x00", b"Rar!")
_RATIO_FREE = 1 << 20
"""Bytes that a member may produce before its ratio counts; short runs of zeros are no bomb."""


@dataclass(frozen=True, kw_only=True)
class ArchiveLimits:
    """Bounds of one archive."""

    members: int = 2_000
    """Files and folders in it."""
    total_bytes: int = 1 << 30
    """Bytes that all members together unpack to."""
    ratio: float = 200.0
    """Bytes that a member may unpack to for each byte it takes in the archive."""
    nesting: int = 1
    """Archives in archives; 1 is the archive itself, so that a member may be none."""
    name_length: int = 255
    """Characters of a member's whole name."""
    depth: int = 16
    """Folders in folders."""


DEFAULT_LIMITS = ArchiveLimits()


def read_archive(
    source: Path | bytes, limits: ArchiveLimits = DEFAULT_LIMITS, *, what: str = ""
) -> dict[str, bytes]:
    """Every file of a zip archive by its name, "/" between folders, in the order of the archive.

    `what` is how messages name the archive; by default its path.

    Raises:
        DataError: not a zip, damaged, encrypted, beyond a limit, or a member that is a link, has a name that
            leads out of the folder or stands twice in it.
    """
    name = what or (f"'{source}'" if isinstance(source, Path) else "the archive")
    try:
        return _read(source, limits, name)
    except DataError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{name} is not a zip archive that can be read: {_first_line(error)}.") from error
    except (OSError, ValueError, LookupError, OverflowError) as error:
        raise DataError(f"cannot read {name}: {_first_line(error)}. Copy it again.") from error


def safe_name(name: str, *, limits: ArchiveLimits = DEFAULT_LIMITS) -> str:
    """The name of a member as a relative path with "/" between folders.

    Raises:
        ValueError: it leads out of the folder, or is one that no honest archive needs.
    """
    shown = repr(name[:80])
    if len(name) > limits.name_length:
        raise ValueError(f"a member's name has {len(name)} characters; at most {limits.name_length}")
    if not name or any(ord(letter) < 32 or letter == "\x7f" for letter in name):
        raise ValueError(f"the member name {shown} is empty or holds control characters")
    if "\\" in name or ":" in name or name.startswith(("/", "~")):
        raise ValueError(f"the member name {shown} is absolute or of another system")
    parts = PurePosixPath(name).parts
    if ".." in parts:
        raise ValueError(f"the member name {shown} leads out of the archive")
    if len(parts) > limits.depth:
        raise ValueError(f"the member {shown} lies {len(parts)} folders deep; at most {limits.depth}")
    return "/".join(parts)


def _read(source: Path | bytes, limits: ArchiveLimits, what: str) -> dict[str, bytes]:
    with _opened(source) as file, zipfile.ZipFile(file) as archive:
        size = file.seek(0, os.SEEK_END)
        infos = archive.infolist()
        if len(infos) > limits.members:
            raise DataError(f"{what} has {len(infos)} members; at most {limits.members} are read.")
        contents: dict[str, bytes] = {}
        seen: set[str] = set()
        whole = max(int(size * limits.ratio), _RATIO_FREE)  # members may share their packed bytes
        left = min(limits.total_bytes, whole)
        for info in infos:
            name = _checked_name(info, limits, what)
            if name.casefold() in seen:
                raise DataError(f"{what} holds the name {name!r} twice; which one is meant is not known.")
            seen.add(name.casefold())
            if info.is_dir():
                continue
            data = _member(archive, info, min(info.compress_size, size), left, limits, what)
            left -= len(data)
            contents[name] = data
    return contents


def _opened(source: Path | bytes) -> IO[bytes]:
    return source.open("rb") if isinstance(source, Path) else io.BytesIO(source)


def _checked_name(info: zipfile.ZipInfo, limits: ArchiveLimits, what: str) -> str:
    try:
        name = safe_name(info.orig_filename, limits=limits)
    except ValueError as error:
        raise DataError(f"{what} is not read: {error}.") from error
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise DataError(f"{what} is not read: its member {name!r} is a link or a device, not a file.")
    if info.flag_bits & 0x1:
        raise DataError(f"{what} is not read: its member {name!r} is encrypted. Unlock it first.")
    if info.compress_type not in _COMPRESSIONS:
        raise DataError(
            f"{what} is not read: its member {name!r} is packed by method {info.compress_type}; "
            f"only {' and '.join(_COMPRESSIONS.values())} members are read."
        )
    return name


def _member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, packed: int, left: int, limits: ArchiveLimits, what: str
) -> bytes:
    """The bytes of one member; `packed` is its size in the archive, `left` what may still be produced."""
    most = min(left, max(int(packed * limits.ratio), _RATIO_FREE))
    pieces: list[bytes] = []
    produced = 0
    with archive.open(info) as file:
        for piece in _pieces(file):
            produced += len(piece)
            if produced > left:
                raise DataError(
                    f"{what} is not read: it unpacks to more than {limits.total_bytes} bytes or "
                    f"{limits.ratio:g} times its size."
                )
            if produced > most:
                raise DataError(
                    f"{what} is not read: its member {info.filename!r} unpacks to more than {limits.ratio:g} "
                    f"times its size, as archives do that are made to fill a memory."
                )
            if len(pieces) == 0 and limits.nesting < 2 and piece.startswith(_NESTED):
                raise DataError(
                    f"{what} is not read: its member {info.filename!r} is an archive itself. Unpack it first."
                )
            pieces.append(piece)
    if produced != info.file_size:
        raise DataError(
            f"{what} is not read: its member {info.filename!r} announces {info.file_size} bytes and holds "
            f"{produced}."
        )
    return b"".join(pieces)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_CHUNK):
        yield piece


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
