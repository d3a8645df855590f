"""OpenShape's test clouds and class vectors, which are pickles, into a shard and a safetensors file, once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.datasets.annotation_files import one_word, read_json, rows_of, text_of
from anaglyph.data.datasets.openshape_files import SHARDS
from anaglyph.data.datasets.zero_shot_clouds import SCANOBJECTNN, ScanObjectNNZeroShot, ZeroShotClouds
from anaglyph.data.prepare.pickle_reader import PickleLimits, PickleReader
from anaglyph.data.records import Record
from anaglyph.data.shards.class_vectors import write_class_vectors
from anaglyph.data.shards.writer import Item, shard_path, write_shard
from anaglyph.errors import DataError

LIMITS = PickleLimits(file_bytes=4 << 30, seconds=600.0, memory_bytes=8 << 30)
"""ModelNet40's clouds are one file of more than a gigabyte."""


def convert_zero_shot(source: ZeroShotClouds, folder: Path) -> tuple[Path, ...]:
    """Write the shard and the class vectors and return their paths.

    Raises:
        DataError: a file is missing or damaged, or clouds, labels and classes do not belong together.
    """
    meta = source.meta(folder)
    scans = isinstance(source, ScanObjectNNZeroShot)
    cloud_file = meta / ("xyz_label.npy" if scans else "test_pc.npy")
    for path in (meta / "cat_name_pt_feat.npy", cloud_file):
        if not path.is_file():
            raise DataError(f"there is no file '{path}'. {source.obtain}")
    with PickleReader(LIMITS) as reader:
        classes = reader.read(meta / "cat_name_pt_feat.npy", "class_vectors")
        arrays = reader.read(cloud_file, "clouds").arrays
    named = dict(zip(map(str, classes.facts["names"]), classes.arrays["vectors"], strict=True))
    if scans:
        keys, labels = _scans(arrays, cloud_file)
        names: tuple[str, ...] = SCANOBJECTNN
        arrays.pop("rgb", None)  # none of the published loaders shows the colours of scans
    else:
        keys, labels = _objects(meta / "test_split.json", source.obtain)
        names = tuple(named)
    absent = sorted({*names, *labels} - set(named))
    if absent:
        raise DataError(f"'{meta / 'cat_name_pt_feat.npy'}' has no vector of '{absent[0]}'. {source.obtain}")
    if len(arrays["lengths"]) != len(keys):
        raise DataError(
            f"'{cloud_file}' holds {len(arrays['lengths'])} clouds for {len(keys)} objects. {source.obtain}"
        )
    shard = shard_path(folder / SHARDS, 0, name=source.part)
    write_shard(shard, _items(keys, labels, arrays), precision="float32")
    write_class_vectors(source.vectors_file(folder), names, np.stack([named[name] for name in names]))
    return shard, source.vectors_file(folder)


def _objects(path: Path, obtain: str) -> tuple[list[str], list[str]]:
    """Key and category of each object of ModelNet40, in the order of its clouds."""
    rows = rows_of(read_json(path, obtain=obtain), "", where=path)
    where = [f"record {number} of '{path}'" for number in range(len(rows))]
    keys = [one_word(text_of(row, "name", where=place)) for row, place in zip(rows, where, strict=True)]
    return keys, [text_of(row, "category", where=place) for row, place in zip(rows, where, strict=True)]


def _scans(arrays: dict[str, NDArray[Any]], path: Path) -> tuple[list[str], list[str]]:
    """Key and class of each scan; labels are places in the published order of names."""
    labels = arrays.get("label", np.empty(0, dtype=np.int64))
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < len(SCANOBJECTNN):
        raise DataError(f"'{path}' has labels from {labels.min()} to {labels.max()}; allowed are 0 to 14.")
    return [f"scan-{number:04d}" for number in range(len(labels))], [SCANOBJECTNN[label] for label in labels]


def _items(keys: Sequence[str], labels: Sequence[str], arrays: dict[str, NDArray[Any]]) -> Iterator[Item]:
    nothing = np.empty((0, 0), dtype=np.float32)
    ends = np.cumsum(arrays["lengths"])
    for key, label, end, length in zip(keys, labels, ends, arrays["lengths"], strict=True):
        points = arrays["xyz"][end - length : end]
        if "rgb" in arrays:
            colours = arrays["rgb"][end - length : end]
            points = np.concatenate([points, colours / (255.0 if colours.max() > 1.0 else 1.0)], axis=1)
        record = Record(points=points, images=nothing, texts=nothing, sources=np.empty(0, dtype=np.uint8))
        yield key, record, {"label": label}
