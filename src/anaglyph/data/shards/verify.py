"""Reading a whole shard once to know which of its records are good, and remembering it.

Which records there are must be known before training starts: rows, batches and a resumed run depend on it.
What was found is kept beside the shard with its size and time of change, and holds until either differs.
"""

from __future__ import annotations

import json
import logging
import zlib
from pathlib import Path

from anaglyph.data.shards.index import Entry, Fault, ShardIndex, index_path
from anaglyph.data.shards.layout import ABOUT, decode, decode_about
from anaglyph.errors import DataError
from anaglyph.io.atomic import sha256, write_json
from anaglyph.io.open_files import OpenFiles

log = logging.getLogger(__name__)


def bad_records(shard: Path, index: ShardIndex) -> list[Fault]:
    """Key and reason of each record that cannot be used, found now or when this shard was last read whole.

    Raises:
        DataError: the shard is larger than its index says, so the two do not belong together.
    """
    stamp = shard.with_name(f"{shard.name}.checked.json")
    about = shard.stat()
    if about.st_size > index.size:
        raise DataError(
            f"'{shard}' has {about.st_size} bytes, its index says {index.size}: they do not belong together. "
            f"Remove '{index_path(shard).name}' to have it made again."
        )
    now = {"bytes": about.st_size, "changed": about.st_mtime_ns, "index": _index_digest(shard)}
    known = _known(stamp)
    if known is not None and known[0] == now:
        return known[1]
    with OpenFiles() as files:
        found = [(entry.key, reason) for entry in index.entries if (reason := fault_of(files, shard, entry))]
    try:
        write_json(stamp, {**now, "bad": found})
    except OSError as error:
        log.warning("what is known of '%s' is not kept: %s", shard, error.strerror)
    return found


def fault_of(files: OpenFiles, shard: Path, entry: Entry) -> str:
    """Why a record cannot be used; empty where it can."""
    try:
        parts = {part.kind: files.read(shard, part.offset, part.size) for part in entry.parts}
        for part in entry.parts:
            check_part(parts[part.kind], part.size, part.crc32, what=f"its {part.kind} member")
        decode({kind: data for kind, data in parts.items() if kind != ABOUT}, key=entry.key)
        if ABOUT in parts:
            decode_about(parts[ABOUT], key=entry.key)
    except (DataError, ValueError) as error:
        return str(error)
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    return ""


def check_part(data: bytes, size: int, crc32: int, *, what: str) -> None:
    """ValueError unless these are the bytes that the index speaks of."""
    if len(data) < size:
        raise ValueError(f"{what} is cut off: {len(data)} of {size} bytes are there, the shard is truncated")
    if zlib.crc32(data) != crc32:
        raise ValueError(f"{what} is damaged: its checksum is not the one in the index")


def _known(stamp: Path) -> tuple[dict[str, object], list[Fault]] | None:
    """What was read when and what was bad in it; None where nothing is known."""
    try:
        known = dict(json.loads(stamp.read_bytes()))
        bad = [(str(key), str(reason)) for key, reason in known.pop("bad")]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return known, bad


def _index_digest(shard: Path) -> str:
    """Of the index file; empty where none could be kept."""
    path = index_path(shard)
    return sha256(path) if path.is_file() else ""
