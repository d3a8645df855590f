"""Where OpenShape's files lie, and what its lists say (dossier MixCon3D, 2.2).

    <folder>/objaverse-processed/merged_for_training_final/<dataset>/<group>/<id>.npy
    <folder>/meta_data/split/train_all.json ...   gpt4_filtering.json   lvis_cat_name_pt_feat.npy
    <folder>/shards/records-00000.tar ...         made here by `anaglyph data prepare openshape`

Paths in the lists are those of the authors' cluster, so that they are made anew from data set, group and id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anaglyph.data.datasets.annotation_files import path_of, read_json, rows_of
from anaglyph.errors import DataError

RECORDS = "objaverse-processed/merged_for_training_final"
META = "meta_data"
SHARDS = "shards"
SPLIT_FILES = {
    "ensemble": "split/train_all.json",
    "ensemble_no_lvis": "split/train_no_lvis.json",
    "shapenet_only": "split/ablation/train_shapenet_only.json",
}
LVIS_FILE = "split/lvis.json"
FILTER_FILE = "gpt4_filtering.json"
LVIS_VECTORS = "lvis_cat_name_pt_feat.npy"
OBJAVERSE = "Objaverse"
LVIS_COUNTS = (46_832, 46_205)
"""Of the paper, and of a later public list."""
LVIS_CLASSES = 1156
OBTAIN = (
    "Download meta_data.zip and the archives of the hub data set OpenShape/openshape-training-data, unpack "
    "them there, then run 'anaglyph data prepare openshape'."
)


@dataclass(frozen=True, slots=True)
class ShapeRow:
    """One line of a list."""

    dataset: str
    group: str
    id: str
    category: str = ""
    """Of LVIS; empty elsewhere."""

    @property
    def key(self) -> str:
        """Unique; ids alone are not, since ShapeNet has some in two groups."""
        return f"{self.dataset}/{self.group}/{self.id}"


def training_rows(folder: Path, train: str) -> list[ShapeRow]:
    """The objects of a training list."""
    path = folder / META / SPLIT_FILES[train]
    return [
        _row(row, path, number, dataset=None, id_field="id")
        for number, row in enumerate(rows_of(read_json(path, obtain=OBTAIN), "", where=path))
    ]


def lvis_rows(folder: Path) -> list[ShapeRow]:
    """The objects of the LVIS list with their categories."""
    path = folder / META / LVIS_FILE
    return [
        _row(row, path, number, dataset=OBJAVERSE, id_field="uid")
        for number, row in enumerate(rows_of(read_json(path, obtain=OBTAIN), "", where=path))
    ]


def rejected_names(folder: Path) -> frozenset[str]:
    """Ids of objects whose name a language model found meaningless."""
    path = folder / META / FILTER_FILE
    flags = read_json(path, obtain=OBTAIN)
    if not isinstance(flags, Mapping):
        raise DataError(f"'{path}' must map ids to flags; is this the right file?")
    return frozenset(
        str(key) for key, about in flags.items() if isinstance(about, Mapping) and about.get("flag") == "N"
    )


def record_path(folder: Path, row: ShapeRow) -> Path:
    """Where the pickle of an object lies."""
    return folder / RECORDS / row.dataset / row.group / f"{row.id}.npy"


def _row(row: Mapping[str, Any], path: Path, number: int, *, dataset: str | None, id_field: str) -> ShapeRow:
    where = f"record {number} of '{path}'"
    found = dataset or path_of(row, "dataset", where=where)
    group, name = path_of(row, "group", where=where), path_of(row, id_field, where=where)
    for part in (found, group, name):
        if "/" in part or part.split() != [part]:
            raise DataError(f"{where} has the name {ascii(part)[:80]}; names are one word without '/'.")
    return ShapeRow(found, group, name, str(row.get("category", "")))
