"""OpenShape's pickles into tar shards, once: in a random order that is always the same, resumable, shared."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anaglyph.data.datasets.bad_records import BadRecords
from anaglyph.data.datasets.openshape import OpenShape
from anaglyph.data.datasets.openshape_files import (
    OBJAVERSE,
    SHARDS,
    SPLIT_FILES,
    ShapeRow,
    lvis_rows,
    record_path,
    rejected_names,
    training_rows,
)
from anaglyph.data.datasets.stored_rows import Progress
from anaglyph.data.prepare.pickle_reader import PickleReader
from anaglyph.data.records import Record, TextSource, check_record
from anaglyph.data.shards.index import Fault, read_index
from anaglyph.data.shards.writer import Item, is_written, shard_path, write_shard
from anaglyph.errors import ConfigError, DataError
from anaglyph.io.atomic import remove_leftovers
from anaglyph.io.lock import claimed
from anaglyph.randomness import numpy_generator

log = logging.getLogger(__name__)
LOCK = ".shards.lock"
"""Beside the folder of shards: who is at work on which."""


@dataclass(frozen=True)
class Share:
    """One of several machines or processes that share a work."""

    number: int = 1
    """From 1 on."""
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise ConfigError(f"shard {self.number}/{self.of} cannot be; give i/n with 1 <= i <= n.")

    @classmethod
    def parse(cls, text: str) -> Share:
        """From `2/8`; ConfigError for anything else."""
        number, slash, of = text.partition("/")
        if not slash or not number.isdecimal() or not of.isdecimal() or len(text) > 12:
            raise ConfigError(f"shard '{text}' cannot be read; write i/n, such as 2/8.")
        return cls(int(number), int(of))


def convert_openshape(source: OpenShape, folder: Path, share: Share) -> tuple[Path, ...]:
    """Write the shards of this share that are not there yet and return them.

    The records of all lists are converted, whichever is trained on. Their order is random, so that a shard is
    a sample of all sources and reading in order is a shuffle.

    Raises:
        DataError: a list is missing, more than `max_bad` records of this share cannot be used, or another
            process is at work on one of its shards.
    """
    rows = _all_rows(folder)
    order = numpy_generator("openshape shards").permutation(len(rows))
    starts = range(0, len(rows), source.per_shard)
    mine = range(share.number - 1, len(starts), share.of)
    rejected = rejected_names(folder)
    parts = {
        shard_path(folder / SHARDS, number): [
            rows[place] for place in order[starts[number] :][: source.per_shard]
        ]
        for number in mine
    }
    with claimed(folder / LOCK, mine) as taken:
        if taken is not None:
            raise DataError(
                f"another process is making '{shard_path(folder / SHARDS, taken)}'; let it end, or share the "
                f"work: --shard 1/2 here, --shard 2/2 there."
            )
        return _written(parts, folder, source, rejected)


def _written(
    parts: Mapping[Path, Sequence[ShapeRow]], folder: Path, source: OpenShape, rejected: frozenset[str]
) -> tuple[Path, ...]:
    """Write those of these shards that are not there; nobody else does meanwhile."""
    bad = BadRecords("records", allowed=source.max_bad)
    there = [path for path in parts if is_written(path)]
    bad.count_again([key for path in there for key in _left_out(path, parts[path])])
    progress = Progress("openshape records", sum(map(len, parts.values())))
    progress.reach(sum(len(parts[path]) for path in there))
    written = []
    with PickleReader() as reader:
        for path, chosen in parts.items():
            if path in there:
                continue
            if path.parent.is_dir():
                remove_leftovers(path.parent, of=path.name)
            left_out: list[Fault] = []
            items = _items(chosen, folder, rejected, reader, bad, left_out, progress)
            write_shard(path, items, precision=source.precision, left_out=left_out)
            written.append(path)
    return tuple(written)


def _all_rows(folder: Path) -> list[ShapeRow]:
    """The objects of all lists, each once; a list that is not there is left to whoever trains on it."""
    found: dict[str, ShapeRow] = {}
    for train in SPLIT_FILES:
        try:
            rows = training_rows(folder, train)
        except DataError:
            if train == "ensemble":
                raise
            log.warning("the list '%s' is not there; its records are converted where others name them", train)
            continue
        found |= {row.key: row for row in rows}
    found |= {row.key: row for row in lvis_rows(folder)}
    return [found[key] for key in sorted(found)]


def _left_out(path: Path, rows: Sequence[ShapeRow]) -> list[str]:
    """Keys that a shard which is there lacks; DataError where other lists or another `per_shard` made it."""
    index = read_index(path)
    left_out = [key for key, _ in index.left_out] if index else []
    if not index or {*left_out, *(entry.key for entry in index.entries)} != {row.key for row in rows}:
        raise DataError(
            f"'{path}' holds other records than it would with these lists and per_shard; remove the folder "
            f"'{path.parent}' to make all shards again, or use the lists and options that made them."
        )
    return left_out


def _items(
    rows: Sequence[ShapeRow],
    folder: Path,
    rejected: frozenset[str],
    reader: PickleReader,
    bad: BadRecords,
    left_out: list[Fault],
    progress: Progress,
) -> Iterator[Item]:
    for row in rows:
        try:
            item = read_record(row, record_path(folder, row), rejected, reader)
        except DataError as error:
            bad.add(row.key, str(error))
            left_out.append((row.key, str(error)))
        else:
            yield item
        progress.step()


def read_record(row: ShapeRow, path: Path, rejected: frozenset[str], reader: PickleReader) -> Item:
    """One pickle as a record; a rejected name keeps its place and gets its own source."""
    objaverse = row.dataset == OBJAVERSE
    answer = reader.read(path, "record", key=row.id, first_name=objaverse)
    try:
        arrays = answer.arrays
        sources = arrays["sources"].copy()
        if objaverse and row.id in rejected:
            sources[sources == TextSource.NAME] = TextSource.REJECTED_NAME
        record = Record(
            points=np.concatenate([arrays["xyz"], arrays["rgb"]], axis=1),
            images=arrays["images"],
            # The published training shows makers' pictures of Objaverse alone.
            thumbnail=arrays.get("thumbnail") if objaverse else None,
            texts=arrays["texts"],
            sources=sources,
        )
        texts = [str(text) for text in answer.facts["texts"]]
    except (LookupError, TypeError, ValueError) as error:
        raise DataError(f"'{path}' is not read: its parts do not fit together ({error}).") from error
    return row.key, check_record(record, key=row.key), {"texts": texts}
