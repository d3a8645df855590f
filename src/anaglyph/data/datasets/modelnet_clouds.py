"""ModelNet clouds in the layouts people have them: npz shards, the published HDF5 shards, or a file tree.

    train_0.npz ...                      points (n, N, 3), label (n,), id (n,); class_names.txt beside them
    ply_data_train0.h5 ...               data (n, N, 3), label (n, 1); ply_data_train_0_id2file.json for the
                                         ids, shape_names.txt for the classes
    chair/train/chair_0001.ply ...       also npy, off, txt, xyz, csv, npz, h5

Shards are read in the order of their numbers and objects are known by id, because the published code
depends on the order of an unsorted directory listing (dossier RoMo, 5.2).
"""

from __future__ import annotations

import csv
import json
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from anaglyph.data.source import Split
from anaglyph.errors import DataError
from anaglyph.geometry.subsample import subsample, to_unit_sphere
from anaglyph.io.arrays import check_npz, read_dataset
from anaglyph.io.clouds import READERS, checked_cloud, read_cloud
from anaglyph.randomness import numpy_generator

Frame = Literal["as_is", "centred", "unit_sphere"]
DUPLICATES = "duplicates.csv"


@dataclass(frozen=True)
class Clouds:
    """Clouds of one published split."""

    ids: tuple[str, ...]
    classes: tuple[str, ...]
    """(n) class name of each object."""
    points: Sequence[NDArray[Any]]
    """(n) clouds (N, 3); N may differ between files of a tree."""


def read_clouds(folder: Path, split: Split, *, only: frozenset[str] | None = None) -> Clouds:
    """The clouds of "train" or "test" under `folder`, whichever layout is there; `only` these classes."""
    shards = sorted(folder.glob(f"*{split}*.npz"), key=_number)
    if shards:
        return _chosen(_from_npz(shards, class_names(folder)), only)
    shards = sorted(folder.glob(f"*{split}*.h5"), key=_number)
    if shards:
        return _chosen(_from_hdf5(shards, class_names(folder)), only)
    return _from_tree(folder, split, only)


def stored(clouds: Clouds, *, count: int, frame: Frame) -> NDArray[np.float16]:
    """(n, count, 3) of every cloud in random order by id, in the frame asked for."""
    result = np.empty((len(clouds.ids), count, 3), dtype=np.float16)
    for row, (key, points) in enumerate(zip(clouds.ids, clouds.points, strict=True)):
        if len(points) < count:
            raise DataError(
                f"the cloud of '{key}' has {len(points)} points, {count} are to be stored; "
                f"lower stored_points."
            )
        cloud = checked_cloud(points, where=f"the cloud of '{key}'")
        if frame == "unit_sphere":
            cloud = to_unit_sphere(cloud)
        elif frame == "centred":
            cloud = cloud - cloud.mean(axis=0)
        result[row] = subsample(cloud, count, numpy_generator("stored points", key))
    return result


def y_up(points: NDArray[np.float16]) -> NDArray[np.float16]:
    """(n, N, 3) turned a quarter about x, as `geometry.normalize.to_y_up`: +z becomes +y, -y the front."""
    x, y, z = np.moveaxis(points, 2, 0)
    return np.stack([x, z, -y], axis=2)


def cloud_files(folder: Path, split: Split) -> list[Path]:
    """Every file that `read_clouds` reads there, for the cache's fingerprint."""
    shards = [*folder.glob(f"*{split}*.npz"), *folder.glob(f"*{split}*.h5"), *folder.glob(f"*{split}*.json")]
    tree = [path for path in folder.glob(f"*/{split}/*") if path.suffix.lower() in READERS]
    return sorted([*(shards or tree), *folder.glob("*names.txt")])


def class_names(folder: Path) -> tuple[str, ...]:
    """Every class of shards, in the order of their labels; DataError where no file lists them."""
    for name in ("class_names.txt", "shape_names.txt", "modelnet40_shape_names.txt"):
        if (folder / name).is_file():
            return tuple((folder / name).read_text(encoding="utf-8").split())
    raise DataError(
        f"'{folder}' has shards but no class_names.txt or shape_names.txt, one class a line, in order."
    )


def rows_of(clouds: Clouds, rows: NDArray[np.int64]) -> Clouds:
    """The clouds of these rows, in this order."""
    return Clouds(
        tuple(clouds.ids[row] for row in rows),
        tuple(clouds.classes[row] for row in rows),
        [clouds.points[row] for row in rows],
    )


def repeated_clouds(folder: Path) -> dict[str, tuple[str, bool]]:
    """Id -> (its group of identical clouds, whether that group occurs in the training split)."""
    path = folder / DUPLICATES
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if rows and not {"group", "split", "id"} <= set(rows[0]):
        raise DataError(f"'{path}' needs the columns group, split and id; it has {', '.join(rows[0])}.")
    trained = {row["group"] for row in rows if row["split"] == "train"}
    return {row["id"]: (f"group {row['group']}", row["group"] in trained) for row in rows}


def _from_npz(shards: list[Path], names: tuple[str, ...]) -> Clouds:
    ids: list[str] = []
    classes: list[str] = []
    points: list[NDArray[Any]] = []
    for shard in shards:
        try:
            with shard.open("rb") as file:
                check_npz(file)
                with np.load(file, allow_pickle=False) as arrays:
                    ids += [_text(key) for key in arrays["id"]]
                    classes += [names[label] for label in arrays["label"]]
                    points += list(arrays["points"])
        except (OSError, KeyError, ValueError, IndexError, zipfile.BadZipFile, EOFError) as error:
            raise DataError(
                f"'{shard}' is no readable shard with points, label and id of {len(names)} classes: {error}."
            ) from error
    return _counted(ids, classes, points, shards)


def _from_hdf5(shards: list[Path], names: tuple[str, ...]) -> Clouds:
    ids: list[str] = []
    classes: list[str] = []
    points: list[NDArray[Any]] = []
    for shard in shards:
        try:
            with h5py.File(shard, "r") as arrays:
                clouds, labels = read_dataset(arrays, "data"), read_dataset(arrays, "label").ravel()
            classes += [names[label] for label in labels]
            points += list(clouds)
            ids += _listed_ids(shard, len(clouds))
        except (OSError, KeyError, ValueError, IndexError) as error:
            raise DataError(
                f"'{shard}' is not a readable shard with data and label of {len(names)} classes: {error}."
            ) from error
    return _counted(ids, classes, points, shards)


def _from_tree(folder: Path, split: Split, only: frozenset[str] | None) -> Clouds:
    files = sorted(path for path in folder.glob(f"*/{split}/*") if path.suffix.lower() in READERS)
    files = [path for path in files if only is None or path.parent.parent.name in only]
    if not files:
        raise DataError(
            f"'{folder}' has neither {split}*.npz, {split}*.h5 nor <class>/{split}/<id>.ply (or another "
            f"cloud format) of the classes asked for; check the folder."
        )
    classes = [path.parent.parent.name for path in files]
    return Clouds(tuple(path.stem for path in files), tuple(classes), [read_cloud(path) for path in files])


def _chosen(clouds: Clouds, only: frozenset[str] | None) -> Clouds:
    rows = [row for row, name in enumerate(clouds.classes) if only is None or name in only]
    return Clouds(
        tuple(clouds.ids[row] for row in rows),
        tuple(clouds.classes[row] for row in rows),
        [clouds.points[row] for row in rows],
    )


def _counted(ids: list[str], classes: list[str], points: list[NDArray[Any]], shards: list[Path]) -> Clouds:
    if not len(ids) == len(classes) == len(points):
        raise DataError(
            f"the shards beside '{shards[0]}' hold {len(points)} clouds, {len(classes)} labels "
            f"and {len(ids)} ids."
        )
    return Clouds(tuple(ids), tuple(classes), points)


def _listed_ids(shard: Path, count: int) -> list[str]:
    """Ids of a published HDF5 shard from its JSON list; the row in the shard where there is none."""
    number = _number(shard)[0]
    lists = [path for path in shard.parent.glob("*id2file.json") if _number(path)[0] == number]
    lists = [path for path in lists if ("test" in path.name) == ("test" in shard.name)]
    if not lists:
        return [f"{shard.stem}_{row:05d}" for row in range(count)]
    names = json.loads(lists[0].read_text(encoding="utf-8"))
    if not isinstance(names, list) or len(names) != count:
        raise ValueError(f"'{lists[0]}' does not list {count} objects")
    return [Path(str(name)).stem for name in names]


def _number(path: Path) -> tuple[int, str]:
    """Shard 10 comes after shard 9."""
    digits = re.findall(r"\d+", path.stem.removesuffix("_id2file"))
    return int(digits[-1]) if digits else -1, path.name


def _text(value: object) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
