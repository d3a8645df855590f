"""modelnet40_zero_shot and scanobjectnn_zero_shot: OpenShape's test clouds with vectors of the class names.

Both are a test split and nothing else (dossier MixCon3D, 2.3). Scores of one network differ with the number
of points: OpenShape and MixCon3D draw ScanObjectNN's 2,048 to 10,000 with repetitions, Uni3D takes them as
they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np

from anaglyph.data.class_lists import CLASS_LISTS
from anaglyph.data.datasets.completeness import Check, Completeness
from anaglyph.data.datasets.openshape_files import META, SHARDS
from anaglyph.data.embedded import EmbeddedObjects
from anaglyph.data.records import Records
from anaglyph.data.resampled import ResampledRecords
from anaglyph.data.shards.class_vectors import read_class_vectors
from anaglyph.data.shards.records import ShardRecords, shards_in
from anaglyph.data.source import Split, check_split, folder_in
from anaglyph.data.transforms.clouds import CloudPipeline
from anaglyph.errors import ConfigError, DataError

SCANOBJECTNN = CLASS_LISTS["scanobjectnn"].official
"""Names in the order of the published labels."""
_OBTAIN = (
    "Download meta_data.zip of the hub data set OpenShape/openshape-training-data, unpack it there, then run "
    "'anaglyph data prepare {name}'."
)


@dataclass(frozen=True, kw_only=True)
class ZeroShotClouds:
    """What both sets share: made shards and class vectors, looked for in OpenShape's folder."""

    name: ClassVar[str]
    part: ClassVar[str]
    """Folder in `meta_data`, and name of the shards."""
    count: ClassVar[int]
    """Published number of objects."""
    classes: ClassVar[int]
    obtain: ClassVar[str]
    title: ClassVar[str]
    licence: ClassVar[str]
    splits: ClassVar[tuple[Split, ...]] = ("test",)

    folder: str = "openshape"
    """Where OpenShape's files lie, relative to the data root."""
    resample: int = 0
    """Points that each cloud is drawn to, with repetitions, always the same ones; 0 takes all there are."""
    check: Check = "strict"
    """strict stops where counts differ from the published ones, report says so in the log."""
    clouds: CloudPipeline = field(default_factory=lambda: CloudPipeline.mixcon3d(points=0))

    def __post_init__(self) -> None:
        if self.resample < 0:
            raise ConfigError(f"resample={self.resample} must be >= 0; 0 takes the points that are there.")

    def load(self, split: Split, *, root: Path, cache: Path | None, seed: int) -> EmbeddedObjects:
        """Read the test split; there is no other."""
        check_split(split)
        if split != "test":
            raise DataError(
                f"{self.name} has no {split} split, only test; choose another data set to train on."
            )
        folder = folder_in(root, self.folder, obtain=self.obtain)
        names, vectors = read_class_vectors(self.vectors_file(folder), obtain=self.obtain)
        shards = ShardRecords(shards_in(folder / SHARDS, name=f"{self.part}-*", obtain=self.obtain))
        labels = [str(shards.about(row).get("label", "")) for row in range(len(shards))]
        unknown = sorted(set(labels) - set(names))
        if unknown:
            raise DataError(
                f"{self.name}: objects are of the class '{unknown[0]}', which has no vector. {self.obtain}"
            )
        complete = Completeness(self.title, self.obtain)
        complete.expect("objects", len(shards), self.count)
        complete.expect("classes", len(names), self.classes)
        complete.settle(self.check)
        records: Records = ResampledRecords(records=shards, points=self.resample) if self.resample else shards
        return EmbeddedObjects(
            records=records,
            class_names=names,
            labels=np.array([names.index(label) for label in labels], dtype=np.int64),
            class_features=vectors,
            clouds=self.clouds,
            seed=seed,
        )

    def examine(self, root: Path) -> Completeness:
        """What is there."""
        complete = Completeness(self.title, self.obtain)
        folder = folder_in(root, self.folder, obtain=self.obtain)
        try:
            names, _ = read_class_vectors(self.vectors_file(folder))
            with_shards = ShardRecords(shards_in(folder / SHARDS, name=f"{self.part}-*"))
        except DataError as error:
            complete.problems.append(str(error))
            return complete
        complete.expect("objects", len(with_shards), self.count)
        complete.expect("classes", len(names), self.classes)
        return complete

    def vectors_file(self, folder: Path) -> Path:
        """Where the made class vectors lie."""
        return folder / SHARDS / f"{self.part}-classes.safetensors"

    def meta(self, folder: Path) -> Path:
        """Where the published files lie."""
        return folder / META / self.part


@dataclass(frozen=True, kw_only=True)
class ModelNet40ZeroShot(ZeroShotClouds):
    """The 2,468 test objects, 10,000 points each, uncoloured: 100 of 255 in all channels."""

    name: ClassVar[str] = "modelnet40_zero_shot"
    part: ClassVar[str] = "modelnet40"
    count: ClassVar[int] = 2468
    classes: ClassVar[int] = 40
    obtain: ClassVar[str] = _OBTAIN.format(name="modelnet40_zero_shot")
    title: ClassVar[str] = "ModelNet40's test objects with class vectors, for zero-shot classification"
    licence: ClassVar[str] = "ModelNet (Princeton): models belong to their authors; academic research only"


@dataclass(frozen=True, kw_only=True)
class ScanObjectNNZeroShot(ZeroShotClouds):
    """The 581 scans of OBJ_ONLY's test split, 2,048 points each, without colours."""

    name: ClassVar[str] = "scanobjectnn_zero_shot"
    part: ClassVar[str] = "scanobjectnn"
    count: ClassVar[int] = 581
    classes: ClassVar[int] = 15
    obtain: ClassVar[str] = _OBTAIN.format(name="scanobjectnn_zero_shot")
    title: ClassVar[str] = "ScanObjectNN's test scans with class vectors, for zero-shot classification"
    licence: ClassVar[str] = "ScanObjectNN (HKUST): research only"

    resample: int = 10_000
    """Points that each cloud is drawn to, with repetitions, once and always the same, as OpenShape and
    MixCon3D do; 0 takes the 2,048 that are there, as Uni3D does."""
