"""Where each record of a shard lies, kept beside it, or found by reading a shard from elsewhere once.

records-00000.tar             the shard
records-00000.tar.index.json  {"format": 1, "bytes": ..., "records": [[key, [[part, offset, size, crc32]]]],
                               "left_out": [[key, reason]], "faults": [[name, reason]]}
"""

from __future__ import annotations

import json
import logging
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anaglyph.data.shards.layout import CLOUD, MAX_PART, PARTS, TENSORS, key_and_part
from anaglyph.errors import DataError
from anaglyph.io.atomic import write_text
from anaglyph.io.tar import TarError, TruncatedError, members

log = logging.getLogger(__name__)
FORMAT = 1
MAX_INDEX_BYTES = 256 << 20


@dataclass(frozen=True)
class Part:
    """One member of a shard."""

    kind: str
    """One of `layout.PARTS`."""
    offset: int
    size: int
    crc32: int


@dataclass(frozen=True)
class Entry:
    """One record."""

    key: str
    parts: tuple[Part, ...]


Fault = tuple[str, str]
"""What is bad by name, and why."""


@dataclass
class ShardIndex:
    """The records of one shard in their order."""

    size: int
    """Bytes of the shard."""
    entries: list[Entry] = field(default_factory=list)
    left_out: list[Fault] = field(default_factory=list)
    """Keys that whoever wrote the shard could not use, and why."""
    faults: list[Fault] = field(default_factory=list)
    """What was found bad when an index was made for a shard that had none."""


def index_path(shard: Path) -> Path:
    """Where the index of a shard lies."""
    return shard.with_name(f"{shard.name}.index.json")


def index_of(shard: Path) -> ShardIndex:
    """The index beside a shard, or one made by reading all of it, which is then kept there if it can be.

    Raises:
        DataError: there is no such shard, it is no tar, or its index is of another shard.
    """
    if not shard.is_file():
        raise DataError(f"there is no shard '{shard}'. Copy it again, or name those that are there.")
    index = read_index(shard)
    if index is None:
        log.info("'%s' has no index and is read once to make one", shard)
        index = scan(shard)
        try:
            write_index(shard, index)
        except OSError as error:
            log.warning("the index of '%s' is not kept: %s", shard, error.strerror)
    return index


def read_index(shard: Path) -> ShardIndex | None:
    """The index beside a shard; None where there is none, or a damaged one, which is named in the log."""
    path = index_path(shard)
    try:
        if path.stat().st_size > MAX_INDEX_BYTES:
            raise ValueError(f"it has more than {MAX_INDEX_BYTES} bytes")
        return _structured(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        log.warning("'%s' is damaged (%s) and made again", path, error)
        return None


def write_index(shard: Path, index: ShardIndex) -> None:
    """Keep an index beside its shard."""
    records = [
        [entry.key, [[part.kind, part.offset, part.size, part.crc32] for part in entry.parts]]
        for entry in index.entries
    ]
    about = {
        "format": FORMAT,
        "bytes": index.size,
        "records": records,
        "left_out": index.left_out,
        "faults": index.faults,
    }
    write_text(index_path(shard), json.dumps(about, ensure_ascii=False, separators=(",", ":")) + "\n")


def scan(shard: Path) -> ShardIndex:
    """Read a whole shard; what is truncated or stands there twice becomes a fault with its name.

    Raises:
        DataError: no tar, or a member that no honest shard has.
    """
    index = ShardIndex(size=shard.stat().st_size)
    found: dict[str, list[Part]] = {}
    try:
        with shard.open("rb") as file:
            for member in members(file):
                named = key_and_part(member.name)
                if named is None:
                    continue
                if member.size > MAX_PART:
                    raise TarError(f"its member '{member.name}' has {member.size} bytes; at most {MAX_PART}")
                file.seek(member.offset)
                part = Part(named[1], member.offset, member.size, zlib.crc32(file.read(member.size)))
                found.setdefault(named[0], []).append(part)
    except TruncatedError as error:
        index.faults.append((shard.name, str(error)))
    except TarError as error:
        raise DataError(
            f"the shard '{shard}' is not read: {error}. Get it again from where it came."
        ) from error
    except OSError as error:
        raise DataError(f"cannot read the shard '{shard}': {error.strerror}. Check the disk.") from error
    for key, parts in found.items():
        kinds = [part.kind for part in parts]
        if len(set(kinds)) < len(kinds):
            index.faults.append((key, "it stands twice in its shard"))
        elif TENSORS not in kinds and CLOUD not in kinds:
            index.faults.append((key, f"it has no cloud, only {', '.join(kinds)}"))
        else:
            index.entries.append(Entry(key, tuple(parts)))
    return index


def _structured(value: Any) -> ShardIndex:
    """The index in JSON; an error of values for anything that `write_index` does not write."""
    if value["format"] != FORMAT:
        raise ValueError(f"format {value['format']!r}, known is {FORMAT}")
    size = _whole(value["bytes"])
    entries = []
    for key, rows in value["records"]:
        parts = tuple(
            Part(_known(kind), _whole(offset), _whole(length), _whole(crc))
            for kind, offset, length, crc in rows
        )
        if any(part.offset + part.size > size or part.size > MAX_PART for part in parts):
            raise ValueError(f"record '{key}' lies beyond the end of the shard")
        entries.append(Entry(_text(key), parts))
    return ShardIndex(size, entries, _faults(value["left_out"]), _faults(value["faults"]))


def _faults(rows: Any) -> list[Fault]:
    return [(_text(name), _text(reason)) for name, reason in rows]


def _known(kind: Any) -> str:
    if kind not in PARTS:
        raise ValueError(f"a part {kind!r} is not known")
    return str(kind)


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is no whole number")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is no name")
    return value
