"""Records into shards: a shard is there as a whole or not at all, its index follows at once."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any

from anaglyph.data.records import Record, check_record
from anaglyph.data.shards.index import Entry, Fault, Part, ShardIndex, index_path, read_index, write_index
from anaglyph.data.shards.layout import ABOUT, TENSORS, Precision, encode, encode_about, member_name
from anaglyph.errors import DataError
from anaglyph.io.atomic import write_chunks
from anaglyph.io.tar import END, header, padding

Item = tuple[str, Record, Mapping[str, Any] | None]
"""Key, record, and what else is known of it."""


def shard_path(folder: Path, number: int, *, name: str = "records") -> Path:
    """Where the shard of this number lies."""
    return folder / f"{name}-{number:05d}.tar"


def is_written(shard: Path) -> bool:
    """Whether a shard and its index are there and of one size."""
    index = read_index(shard) if shard.is_file() and index_path(shard).is_file() else None
    return index is not None and index.size == shard.stat().st_size


def write_shards(
    folder: Path,
    items: Iterable[Item],
    *,
    per_shard: int = 1000,
    name: str = "records",
    precision: Precision = "float16",
) -> list[Path]:
    """Write records in their order, `per_shard` in each shard, and return the shards.

    About 150 KB a record of 10,000 points make shards of 150 MB.
    """
    paths = []
    for number, part in enumerate(_batched(items, per_shard)):
        paths.append(shard_path(folder, number, name=name))
        write_shard(paths[-1], part, precision=precision)
    return paths


def write_shard(
    path: Path,
    items: Iterable[Item],
    *,
    precision: Precision = "float16",
    left_out: list[Fault] | None = None,
) -> ShardIndex:
    """Write one shard and its index.

    Args:
        path: of the shard.
        items: its records; each is checked, none is held longer than it takes to write it.
        precision: of the coordinates; vectors are float16 and colours bytes in any case.
        left_out: keys that were not usable and why; `items` may still add to it while it runs.

    Raises:
        DataError: a record that does not fit together, a key twice, or a full disk; nothing changes then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    index = ShardIndex(size=0)
    index_path(path).unlink(missing_ok=True)  # never an index beside a shard that it does not describe
    write_chunks(path, _chunks(items, index, precision))
    index.left_out = list(left_out or ())
    write_index(path, index)
    return index


def _chunks(items: Iterable[Item], index: ShardIndex, precision: Precision) -> Iterator[bytes]:
    seen: set[str] = set()
    for key, record, about in items:
        if key in seen:
            raise DataError(f"the key '{key}' stands twice; keys must be unique.")
        seen.add(key)
        contents = {TENSORS: encode(check_record(record, key=key), precision=precision)}
        if about is not None:
            contents[ABOUT] = encode_about(about)
        parts = []
        for kind, content in contents.items():
            start = header(member_name(key, kind), len(content))
            parts.append(Part(kind, index.size + len(start), len(content), zlib.crc32(content)))
            yield from (start, content, padding(len(content)))
            index.size += len(start) + len(content) + len(padding(len(content)))
        index.entries.append(Entry(key, tuple(parts)))
    index.size += len(END)
    yield END


def _batched(items: Iterable[Item], count: int) -> Iterator[Iterable[Item]]:
    """Parts of so many, each of which must be used up before the next is asked for."""
    remaining = iter(items)
    for first in remaining:
        yield chain([first], islice(remaining, count - 1))
