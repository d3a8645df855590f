"""Rendered views of ModelNet objects: `<class>/<split>/<stem>_<view>.jpg`, and who is who.

A `pairs.csv` (cls, split, image_stem, modelnet40_id, views) beside the pictures' folder maps stems to object
ids. Without it a stem is the id. The class is the folder's; some stems carry the name of another class.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.source import Split
from anaglyph.errors import DataError
from anaglyph.io.pictures import read_picture

PAIRS = "pairs.csv"
SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".webp"))
_COLUMNS = ("cls", "split", "image_stem", "modelnet40_id")


@dataclass(frozen=True)
class ViewList:
    """The view files of one published split."""

    ids: tuple[str, ...]
    classes: tuple[str, ...]
    files: tuple[tuple[Path, ...], ...]
    """(n) the views of each object in the order of their names; all have equally many."""


def list_views(folder: Path, split: Split, *, views: int = 0, only: frozenset[str] | None = None) -> ViewList:
    """Views of "train" or "test"; `views` > 0 takes that many, evenly spread, and 0 takes all."""
    root = folder / "images" if (folder / "images").is_dir() else folder
    found: dict[tuple[str, str], list[Path]] = {}
    for path in sorted(root.glob(f"*/{split}/*")):
        name = path.parent.parent.name
        if path.suffix.lower() in SUFFIXES and (only is None or name in only):
            found.setdefault((name, path.stem.rpartition("_")[0]), []).append(path)
    if not found:
        raise DataError(f"'{root}' has no pictures <class>/{split}/<id>_<view>.jpg of the classes asked for.")
    pairs = _pairs(folder / PAIRS, split)
    unknown = [stem for stem in found if pairs is not None and stem not in pairs]
    if unknown:
        raise DataError(
            f"'{folder / PAIRS}' does not list {len(unknown)} pictured {split} objects, such as "
            f"'{'/'.join(unknown[0])}'; complete it or remove their pictures."
        )
    rows = sorted(((pairs[stem] if pairs else stem[1]), stem[0], files) for stem, files in found.items())
    common = min(len(files) for _, _, files in rows)
    if views > common:
        raise DataError(f"{views} views an object are asked for; '{rows[0][0]}' and others have {common}.")
    return ViewList(
        tuple(key for key, _, _ in rows),
        tuple(name for _, name, _ in rows),
        tuple(_spread(files, views or common) for _, _, files in rows),
    )


def read_views(files: tuple[tuple[Path, ...], ...], *, size: int, gray: bool) -> NDArray[np.uint8]:
    """(n, V, 1 or 3, size, size)."""
    result = np.empty((len(files), len(files[0]), 1 if gray else 3, size, size), dtype=np.uint8)
    for row, views in enumerate(files):
        for column, path in enumerate(views):
            result[row, column] = read_picture(path, size=size, gray=gray)
    return result


def _spread(files: list[Path], count: int) -> tuple[Path, ...]:
    return tuple(files[place * len(files) // count] for place in range(count))


def _pairs(path: Path, split: Split) -> dict[tuple[str, str], str] | None:
    """(class, image stem) -> object id."""
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file)
        if not set(_COLUMNS) <= set(table.fieldnames or ()):
            raise DataError(f"'{path}' has the columns {table.fieldnames}; it needs {', '.join(_COLUMNS)}.")
        return {
            (row["cls"], row["image_stem"]): row["modelnet40_id"] for row in table if row["split"] == split
        }
