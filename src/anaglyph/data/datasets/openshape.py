"""openshape: OpenShape's shapes with the vectors of their pictures and texts; test is Objaverse-LVIS.

With the Ensemble list, LVIS shapes are in training (without labels); only `ensemble_no_lvis` is a clean
zero-shot test of them, so that it is the default here (dossier MixCon3D, 2.3). Training and validation have
one class, since nothing is known of theirs.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.datasets.completeness import Check, Completeness
from anaglyph.data.datasets.openshape_files import (
    LVIS_CLASSES,
    LVIS_COUNTS,
    LVIS_VECTORS,
    META,
    OBTAIN,
    SHARDS,
    ShapeRow,
    lvis_rows,
    training_rows,
)
from anaglyph.data.embedded import EmbeddedObjects
from anaglyph.data.shards.layout import Precision
from anaglyph.data.shards.records import ShardRecords, rows_of, shards_in
from anaglyph.data.source import Split, check_split, folder_in
from anaglyph.data.splits import validation_mask
from anaglyph.data.transforms.clouds import CloudPipeline
from anaglyph.data.transforms.texts import TextChoice
from anaglyph.data.transforms.views import ViewChoice
from anaglyph.errors import ConfigError, DataError
from anaglyph.io.arrays import read_npy

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class OpenShape:
    """Objaverse, ShapeNet, ABO and 3D-FUTURE; clouds have +y up and are turned to +z up on access."""

    title: ClassVar[str] = "OpenShape's training data with Objaverse-LVIS as zero-shot test"
    licence: ClassVar[str] = (
        "each source's own: Objaverse per object (Creative Commons), ShapeNet research only, ABO CC BY-NC, "
        "3D-FUTURE research only"
    )
    obtain: ClassVar[str] = OBTAIN

    folder: str = "openshape"
    """Where the files lie, relative to the data root."""
    train: Literal["ensemble", "ensemble_no_lvis", "shapenet_only"] = "ensemble_no_lvis"
    """Which published list is trained on; with ensemble the test shapes are among them, without labels."""
    validation_fraction: float = 0.01
    """Part of the training list that is held out."""
    per_shard: int = 1000
    """Records in each shard when they are made; about 150 KB each."""
    precision: Precision = "float16"
    """Of coordinates when shards are made; float32 for comparisons with the published code."""
    max_bad: int = 0
    """Records that may be damaged or absent; each is named and left out."""
    check: Check = "strict"
    """strict stops when shards or records are missing or counts differ from the published ones, report says
    so in the log and uses what is there."""
    verify: bool = True
    """Read shards once as a whole before they are used the first time, and again when they have changed."""
    clouds: CloudPipeline = field(default_factory=CloudPipeline.mixcon3d)
    texts: TextChoice = field(default_factory=TextChoice)
    views: ViewChoice = field(default_factory=lambda: ViewChoice(views=4))

    def __post_init__(self) -> None:
        if self.per_shard < 1 or self.max_bad < 0:
            raise ConfigError(f"per_shard={self.per_shard} must be >= 1 and max_bad={self.max_bad} >= 0.")

    def load(self, split: Split, *, root: Path, cache: Path | None, seed: int) -> EmbeddedObjects:
        """Read one split; nothing is cached, shards are read where they lie."""
        check_split(split)
        folder = folder_in(root, self.folder, obtain=self.obtain)
        complete = Completeness(self.title, self.obtain)
        rows = self._rows(folder, split, complete)
        shards = shards_in(folder / SHARDS, name="records-*", obtain=self.obtain)
        records = ShardRecords(shards, max_bad=self.max_bad, verify=self.verify)
        places, missing = rows_of(records, (row.key for row in rows))
        known = {key for key, _ in [*records.bad, *records.left_out]}
        self._missing([key for key in missing if key not in known], len(rows), complete)
        complete.settle(self.check)
        if missing:
            there = set(records.keys)
            rows = [row for row in rows if row.key in there]
        names: tuple[str, ...] = ("object",)
        vectors = None
        if split == "test":
            names, vectors = _classes(folder)
        places_of = {name: place for place, name in enumerate(names)}
        return EmbeddedObjects(
            records=records,
            class_names=names,
            labels=np.array([places_of.get(row.category, 0) for row in rows], dtype=np.int64),
            class_features=vectors,
            rows=places,
            clouds=self.clouds,
            texts=self.texts,
            views=self.views,
            seed=seed,
        )

    def examine(self, root: Path) -> Completeness:
        """What is there of lists and shards."""
        folder = folder_in(root, self.folder, obtain=self.obtain)
        complete = Completeness(self.title, self.obtain)
        wanted = {row.key for split in ("train", "test") for row in self._rows(folder, split, complete)}
        wanted |= {row.key for row in self._rows(folder, "validation", complete)}
        try:
            records = ShardRecords(
                shards_in(folder / SHARDS, name="records-*", obtain=self.obtain),
                max_bad=len(wanted),
                verify=self.verify,
            )
        except DataError as error:
            complete.problems.append(str(error))
            return complete
        complete.found.append(f"{len(records):,} records in {len(records.shards):,} shards")
        for key, reason in [*records.bad, *records.left_out][:5]:
            complete.problems.append(f"left out: {key}: {reason}")
        self._missing(sorted(wanted - set(records.keys)), len(wanted), complete)
        records.close()
        return complete

    def _rows(self, folder: Path, split: str, complete: Completeness) -> list[ShapeRow]:
        """The objects of a split in the order of their list."""
        if split == "test":
            rows = lvis_rows(folder)
            if len(rows) in LVIS_COUNTS:
                complete.found.append(f"{len(rows):,} shapes of LVIS, as published")
            else:
                counts = " or ".join(f"{count:,}" for count in LVIS_COUNTS)
                complete.problems.append(f"{len(rows):,} shapes of LVIS instead of the published {counts}")
            return rows
        rows = training_rows(folder, self.train)
        held_out = validation_mask([row.key for row in rows], fraction=self.validation_fraction, seed=0)
        return [row for row, out in zip(rows, held_out, strict=True) if out == (split == "validation")]

    def _missing(self, keys: Sequence[str], wanted: int, complete: Completeness) -> None:
        if keys:
            shown = ", ".join(keys[:5]) + (f" and {len(keys) - 5:,} more" if len(keys) > 5 else "")
            complete.problems.append(f"{len(keys):,} of {wanted:,} records are not in the shards: {shown}")


def _classes(folder: Path) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Categories in sorted order, and their vectors, which are stored in that order."""
    names = tuple(sorted({row.category for row in lvis_rows(folder)}))
    path = folder / META / LVIS_VECTORS
    try:
        with path.open("rb") as file:
            vectors = read_npy(file)
    except OSError as error:
        raise DataError(f"cannot read '{path}': {error.strerror}. {OBTAIN}") from error
    except ValueError as error:
        raise DataError(f"'{path}' cannot be read: {error}. {OBTAIN}") from error
    if vectors.ndim != 2 or len(vectors) != len(names):
        raise DataError(
            f"'{path}' has shape {vectors.shape} for {len(names)} categories of LVIS; there must be one row "
            f"each (published: {LVIS_CLASSES}). {OBTAIN}"
        )
    return names, vectors.astype(np.float32)
