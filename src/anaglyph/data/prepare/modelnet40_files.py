"""ModelNet40's published clouds into npz shards, once: Point-BERT's .dat files, or the resampled text files.

    modelnet40_{train,test}_8192pts_fps.dat      a pickle of 8,192 x 6 clouds and labels
    <class>/<id>.txt                             10,000 rows of x, y, z and a normal, commas between

Names of objects come from modelnet40_{train,test}.txt, classes from modelnet40_shape_names.txt.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.prepare.pickle_reader import PickleLimits, PickleReader
from anaglyph.errors import DataError
from anaglyph.io.atomic import write_bytes
from anaglyph.io.clouds import read_cloud

LIMITS = PickleLimits(file_bytes=4 << 30, seconds=1200.0, memory_bytes=12 << 30)
"""The training file has 1.9 GB."""
SHARD = 1000
"""Objects in one file."""
Part = tuple[tuple[str, ...], NDArray[np.float32], NDArray[np.int64]]
"""Names, points (n, P, 3) and labels of a shard."""


def convert_modelnet40(folder: Path, *, obtain: str) -> tuple[Path, ...]:
    """Write the shards that `modelnet40_clouds` reads; nothing where there is nothing to convert.

    Raises:
        DataError: a file is missing or damaged, or lists, clouds and labels do not belong together.
    """
    written: list[Path] = []
    for split in ("train", "test"):
        pickled = sorted(folder.glob(f"modelnet40_{split}_*.dat"))
        listed = folder / f"modelnet40_{split}.txt"
        if not pickled and not listed.is_file():
            continue
        names = _names(folder, obtain)
        objects = _listed(listed) if listed.is_file() else ()
        parts = _from_pickle(pickled[-1], objects, split) if pickled else _from_text(folder, objects, names)
        for number, (ids, points, labels) in enumerate(parts):
            if int(labels.min()) < 0 or int(labels.max()) >= len(names):
                raise DataError(
                    f"'{folder}' has labels from {labels.min()} to {labels.max()} for {len(names)} classes. "
                    f"{obtain}"
                )
            buffer = io.BytesIO()
            np.savez(buffer, points=points, label=labels, id=np.array(ids))
            path = folder / f"{split}_{number}.npz"
            write_bytes(path, buffer.getvalue())
            written.append(path)
    return tuple(written)


def _from_pickle(path: Path, objects: Sequence[str], split: str) -> Iterator[Part]:
    with PickleReader(LIMITS) as reader:
        arrays = reader.read(path, "labelled_list").arrays
    points, labels = arrays["points"], arrays["label"]
    if objects and len(objects) != len(points):
        raise DataError(
            f"'{path}' holds {len(points)} clouds, and the list beside it {len(objects)} names; get both "
            f"from one publisher."
        )
    ids = objects or [f"{split}-{row:05d}" for row in range(len(points))]
    for first in range(0, len(points), SHARD):
        part = slice(first, first + SHARD)
        yield tuple(ids[part]), points[part], labels[part]


def _from_text(folder: Path, objects: Sequence[str], names: Sequence[str]) -> Iterator[Part]:
    for first in range(0, len(objects), SHARD):
        ids = objects[first : first + SHARD]
        classes = [name.rpartition("_")[0] for name in ids]
        unknown = sorted(set(classes) - set(names))
        if unknown:
            raise DataError(f"the list in '{folder}' names the class '{unknown[0]}', and the names do not.")
        clouds = [read_cloud(folder / kind / f"{name}.txt") for kind, name in zip(classes, ids, strict=True)]
        least = min(map(len, clouds))
        labels = np.array([names.index(kind) for kind in classes], dtype=np.int64)
        yield tuple(ids), np.stack([cloud[:least] for cloud in clouds]), labels


def _listed(path: Path) -> tuple[str, ...]:
    names = tuple(path.read_text(encoding="utf-8").split())
    if len(set(names)) < len(names) or not names or any(Path(name).name != name for name in names):
        raise DataError(f"'{path}' is no list of different names of objects, one a line.")
    return names


def _names(folder: Path, obtain: str) -> tuple[str, ...]:
    path = folder / "modelnet40_shape_names.txt"
    if not path.is_file():
        raise DataError(f"there is no file '{path}'. {obtain}")
    return tuple(path.read_text(encoding="utf-8").split())
