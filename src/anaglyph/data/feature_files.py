"""A folder of what frozen towers said of a split: written in shards and parts, read back as records.

    DIR/train/shard-00000-of-00002/plan.json                of what and by what it is made
                                   classes.safetensors      vectors of the class names
                                   part-000000.safetensors  clouds and vectors of some objects
                                   manifest.json            sizes and hashes, written last
    DIR/train/shard-00001-of-00002/...

A part is whole or not there (`io.atomic`), and its bytes are held against the manifest when it is first read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from anaglyph.data.array_records import ArrayRecords
from anaglyph.errors import DataError, WeightsError
from anaglyph.io.atomic import MANIFEST, sha256
from anaglyph.io.weights import read_header, read_weights, write_weights

FORMAT = 1
PLAN = "plan.json"
CLASSES = "classes.safetensors"
_SHARD = re.compile(r"shard-(\d{5})-of-(\d{5})")
_ARRAYS = ("points", "images", "thumbnails", "pictured", "texts", "sources", "offsets")
_ADVICE = "Remove its shard's folder and run `anaglyph features compute` again."


@dataclass(frozen=True)
class PartFile:
    """One part, before its arrays are read."""

    path: Path
    sha256: str
    keys: tuple[str, ...]
    labels: tuple[int, ...]

    def read(self) -> ArrayRecords:
        """Its arrays; DataError when its bytes are not those that were written."""
        if sha256(self.path) != self.sha256:
            raise DataError(f"'{self.path}' has changed since it was written. {_ADVICE}")
        try:
            arrays = {name: tensor.numpy() for name, tensor in read_weights(self.path).items()}
        except WeightsError as error:
            raise DataError(f"{error} {_ADVICE}") from error
        if set(arrays) - set(_ARRAYS) or "points" not in arrays:
            raise DataError(
                f"'{self.path}' holds {', '.join(sorted(arrays))}: no part of features. {_ADVICE}"
            )
        if "pictured" in arrays:
            arrays["pictured"] = arrays["pictured"].astype(bool)
        return ArrayRecords(keys=self.keys, **arrays)


@dataclass(frozen=True)
class Shard:
    """A finished shard."""

    plan: Mapping[str, Any]
    class_features: NDArray[np.float32] | None
    parts: tuple[PartFile, ...]


def shard_name(shard: int, shards: int) -> str:
    """Folder of shard `shard` of `shards`, counted from 0."""
    return f"shard-{shard:05d}-of-{shards:05d}"


def part_name(number: int) -> str:
    """File of part `number` of a shard."""
    return f"part-{number:06d}.safetensors"


def write_part(path: Path, records: ArrayRecords, labels: NDArray[np.int64]) -> None:
    """Write the records of some objects, and their labels, atomically."""
    arrays = {name: getattr(records, name) for name in _ARRAYS}
    tensors = {
        name: torch.from_numpy(np.ascontiguousarray(array.astype(np.uint8) if array.dtype == bool else array))
        for name, array in arrays.items()
        if array is not None
    }
    header = {"format": FORMAT, "kind": "features", "keys": list(records.keys), "labels": labels.tolist()}
    write_weights(path, tensors, header=header)


def part_keys(path: Path) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Keys and labels of a part, from its header; DataError when it is none."""
    try:
        header = read_header(path)
    except WeightsError as error:
        raise DataError(f"{error} {_ADVICE}") from error
    keys, labels = header.get("keys"), header.get("labels")
    if header.get("kind") != "features" or not isinstance(keys, list) or not isinstance(labels, list):
        raise DataError(f"'{path}' is no part of features. {_ADVICE}")
    if len(keys) != len(labels) or not all(type(label) is int for label in labels):
        raise DataError(f"'{path}' has {len(keys)} keys and {len(labels)} labels. {_ADVICE}")
    return tuple(map(str, keys)), tuple(labels)


def write_classes(path: Path, vectors: NDArray[np.float32] | None) -> None:
    """Write (C, E) vectors of class names, or that there are none."""
    tensors = {} if vectors is None else {"classes": torch.from_numpy(vectors)}
    write_weights(path, tensors, header={"format": FORMAT, "kind": "class features"})


def shards_in(folder: Path) -> list[Path]:
    """The shards of a split in order, all of them finished.

    Raises:
        DataError: no shard, one that is missing or not finished, or shards of different splittings.
    """
    found = {tuple(map(int, match.groups())): path for path in sorted(folder.glob("shard-*"))
             if (match := _SHARD.fullmatch(path.name))}  # fmt: skip
    counts = {count for _, count in found}
    if len(counts) != 1:
        said = "no features" if not counts else f"shards of {' and of '.join(map(str, sorted(counts)))}"
        raise DataError(f"'{folder}' holds {said}; `anaglyph features compute ... -o DIR` makes them.")
    (count,) = counts
    for shard in range(count):
        if (shard, count) not in found or not (found[shard, count] / MANIFEST).is_file():
            state = "is not finished" if (shard, count) in found else "is missing"
            raise DataError(
                f"shard {shard}/{count} of '{folder}' {state}; make it with "
                f"`anaglyph features compute ... --shard {shard}/{count}`."
            )
    return [found[shard, count] for shard in range(count)]


def open_shard(folder: Path) -> Shard:
    """A finished shard: headers are read and sizes compared, arrays are not.

    Raises:
        DataError: files that are missing or of another size, or that are no features.
    """
    try:
        listed = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        plan = json.loads((folder / PLAN).read_text(encoding="utf-8"))
        sizes = {str(name): int(row["bytes"]) for name, row in listed.items()}
        hashes = {str(name): str(row["sha256"]) for name, row in listed.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"'{folder}' is no finished shard of features: {error}. {_ADVICE}") from error
    for name, size in sizes.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != size:
            raise DataError(f"'{path}' is missing or has not the {size} bytes of its manifest. {_ADVICE}")
    if plan.get("format") != FORMAT:
        raise DataError(f"'{folder}' has format {plan.get('format')!r:.40}; this version reads {FORMAT}.")
    if hashes.get(CLASSES) != sha256(folder / CLASSES):
        raise DataError(f"'{folder / CLASSES}' has changed since it was written. {_ADVICE}")
    classes = read_weights(folder / CLASSES).get("classes")
    names = sorted(name for name in hashes if name.startswith("part-"))
    parts = tuple(PartFile(folder / name, hashes[name], *part_keys(folder / name)) for name in names)
    return Shard(plan, None if classes is None else classes.numpy(), parts)
