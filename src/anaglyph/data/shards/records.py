"""Records in tar shards by row: one read at a known place, in any order, from any process."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.datasets.bad_records import listed
from anaglyph.data.records import Record
from anaglyph.data.schema import check_keys
from anaglyph.data.shards.index import Fault, ShardIndex, index_of
from anaglyph.data.shards.layout import ABOUT, PARTS, decode, decode_about
from anaglyph.data.shards.verify import bad_records, check_part
from anaglyph.errors import DataError
from anaglyph.io.open_files import OpenFiles

log = logging.getLogger(__name__)


class ShardRecords:
    """All usable records of some shards, shard after shard.

    Every read is compared with the checksum in the index. Pickled copies open their files anew.

    Args:
        shards: tar files in the order of their rows.
        max_bad: records that may be damaged or lost; they are named in the log and left out.
        verify: read shards that have changed since they were last verified; without, damage shows itself
            when a record is read and is an error then.

    Raises:
        DataError: no shards, none readable, or more than `max_bad` bad records; the first ones are named.
    """

    def __init__(self, shards: Sequence[Path], *, max_bad: int = 0, verify: bool = True) -> None:
        if not shards:
            raise DataError("no shards are given; name at least one .tar file.")
        self.shards = tuple(shards)
        self._files = OpenFiles()
        self.bad: list[Fault] = []
        """What was left out and why."""
        self.left_out: list[Fault] = []
        """What whoever wrote the shards could not use, and why."""
        keys: list[str] = []
        starts = [0]
        counts: list[int] = []
        parts: list[NDArray[np.int64]] = []
        for number, shard in enumerate(self.shards):
            index = index_of(shard)
            bad = bad_records(shard, index) if verify else []
            self.bad += [*index.faults, *bad]
            self.left_out += index.left_out
            _append(index, {key for key, _ in bad}, number, keys, counts, parts)
            starts.append(len(keys))
        self._settle(max_bad, usable=len(keys))
        self.keys = tuple(keys)
        check_keys(self.keys)
        self.blocks: NDArray[np.int64] = np.unique(np.array(starts, dtype=np.int64))
        self._first = np.cumsum([0, *counts], dtype=np.int64)  # (N + 1,) of each record's parts
        self._parts = np.concatenate(parts)  # (parts, 5) shard, kind, offset, size, crc32

    def __len__(self) -> int:
        return len(self.keys)

    def read(self, row: int) -> Record:
        """Record `row`; DataError naming the key and the shard when it cannot be read."""
        return decode(self._contents(row, about=False), key=self.keys[row])

    def about(self, row: int) -> dict[str, Any]:
        """What else is known of record `row`, such as its label; empty where nothing is."""
        contents = self._contents(row, about=True)
        return decode_about(contents[ABOUT], key=self.keys[row]) if contents else {}

    def fingerprint(self) -> str:
        """16 hexadecimal digits over keys and checksums."""
        total = hashlib.sha256("\x1f".join(self.keys).encode())
        total.update(self._first.tobytes())
        total.update(np.ascontiguousarray(self._parts[:, [1, 3, 4]]).tobytes())
        return total.hexdigest()[:16]

    def close(self) -> None:
        """Close all files; a later read opens them again."""
        self._files.close()

    def _contents(self, row: int, *, about: bool) -> dict[str, bytes]:
        contents = {}
        for shard, kind, offset, size, crc32 in self._parts[self._first[row] : self._first[row + 1]].tolist():
            if (PARTS[kind] == ABOUT) == about:
                path = self.shards[shard]
                try:
                    contents[PARTS[kind]] = self._files.read(path, offset, size)
                    check_part(contents[PARTS[kind]], size, crc32, what=f"its {PARTS[kind]} member")
                except (OSError, ValueError) as error:
                    raise DataError(
                        f"record '{self.keys[row]}' of '{path}' cannot be read: {error}. Copy the shard "
                        f"again, or start again with max_bad to leave it out."
                    ) from error
        return contents

    def _settle(self, max_bad: int, *, usable: int) -> None:
        if len(self.bad) > max_bad:
            name, reason = self.bad[0]
            raise DataError(
                f"records that cannot be used: {len(self.bad)} ({listed([key for key, _ in self.bad])}), "
                f"{max_bad} are allowed. The first: {name}: {reason.rstrip('.')}. Copy or make their shards "
                f"again, or set max_bad."
            )
        for name, reason in self.bad:
            log.warning("left out: %s: %s", name, reason)
        if self.bad:
            log.warning(
                "%d left out of '%s', %d records remain", len(self.bad), self.shards[0].parent, usable
            )


def shards_in(folder: Path, *, name: str = "*", obtain: str = "") -> list[Path]:
    """The .tar files of a folder by name; DataError, with where to get them, when there are none."""
    found = sorted(folder.glob(f"{name}.tar"))
    if not found:
        raise DataError(f"there are no shards '{folder / name}.tar'. {obtain}".rstrip())
    return found


def _append(
    index: ShardIndex,
    bad: set[str],
    number: int,
    keys: list[str],
    counts: list[int],
    parts: list[NDArray[np.int64]],
) -> None:
    """Add the usable records of one shard, in numbers: a million records are a million objects otherwise."""
    rows: list[tuple[int, ...]] = []
    for entry in index.entries:
        if entry.key not in bad:
            keys.append(entry.key)
            counts.append(len(entry.parts))
            rows += [
                (number, PARTS.index(part.kind), part.offset, part.size, part.crc32) for part in entry.parts
            ]
    parts.append(np.array(rows, dtype=np.int64).reshape(-1, 5))


def rows_of(records: ShardRecords, keys: Iterable[str]) -> tuple[NDArray[np.int64], list[str]]:
    """The row of each key that is there, in the order of `keys`, and the keys that are not."""
    places = {key: row for row, key in enumerate(records.keys)}
    rows, missing = [], []
    for key in keys:
        if key in places:
            rows.append(places[key])
        else:
            missing.append(key)
    return np.array(rows, dtype=np.int64), missing
