"""Photographs of cars with the CAD model that each shows and its pose: what two benchmarks have in common.

Wang et al., 2018 ("finegrained-pose"). Everything lies where a checkout of their repository expects it. The
annotations are Python 2 pickles; `anaglyph data prepare` reads them once, restricted to plain values, and
writes JSON beside them, which is all that loading reads. All cars have one category, so category accuracy
says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.datasets.annotation_files import one_word
from anaglyph.data.datasets.car_poses import posed_mask
from anaglyph.data.datasets.car_records import (
    CATEGORY,
    CarBenchmark,
    CarRecord,
    Part,
    Release,
    read_car_records,
)
from anaglyph.data.datasets.completeness import Check, Completeness
from anaglyph.data.datasets.cropped_queries import QueryFile, cropped_queries, read_files
from anaglyph.data.datasets.rendered_shapes import ShapeFile, rendered_repository
from anaglyph.data.shape_queries import ShapeQueries
from anaglyph.data.source import Split, check_split, folder_in
from anaglyph.data.splits import validation_mask
from anaglyph.data.transforms.joint import QueryAugmentation, ViewAugmentation
from anaglyph.errors import DataError
from anaglyph.geometry.load import MeshReaders
from anaglyph.geometry.mesh import Mesh
from anaglyph.io.pictures import read_masked_picture
from anaglyph.render.options import RenderOptions

_RECIPE = (
    "Masks are not part of this data set. Give a folder of masks made by any instance segmenter, one picture "
    "for each photograph at the same path with the suffix .png (masks=files), or take the silhouette of the "
    "annotated model (masks=projected), which is ours and not CMIC's."
)


@dataclass(frozen=True, kw_only=True)
class Cars3D:
    """Options that both benchmarks share."""

    benchmark: ClassVar[CarBenchmark]
    title: ClassVar[str]
    licence: ClassVar[str]
    obtain: ClassVar[str]

    folder: str = "finegrained-pose"
    """The checkout of the annotations' repository, relative to the data root; all other paths start there."""
    images: str = ""
    """Folder of the photographs."""
    models: str = "CAD/02958343"
    """Folder of ShapeNetCore v1's cars, `<id>/model.obj`."""
    masks: Literal["files", "projected"] = "files"
    """Masks from files, or silhouettes of the annotated models."""
    mask_folder: str = ""
    """Folder of mask files, laid out as the photographs, with the suffix .png."""
    release: Release = "first"
    """The first annotations, or the refined ones (v2) where there are any; shapes are the same."""
    validation_fraction: float = 0.1
    """Part of the training photographs held out, by a hash of their names."""
    check: Check = "strict"
    """An incomplete data set is an error, or is said in the log and what is there is used."""
    size: int = 224
    """Side of crops and views in pixels."""
    margin: float = 0.0
    """Room around the mask's box, as a part of its long side."""
    max_bad: int = 0
    """Pictures, and models, that may be unusable."""
    processes: int = 1
    """Models read at a time."""
    training_views: int = 0
    """Random views of each shape in a training batch; 0 is all twelve, as published."""
    query_augmentation: QueryAugmentation = field(default_factory=QueryAugmentation)
    view_augmentation: ViewAugmentation = field(default_factory=ViewAugmentation)

    def load(self, split: Split, *, root: Path, cache: Path | None, seed: int) -> ShapeQueries:
        """Read one split; the repository holds the CAD models of both."""
        check_split(split)
        folder = folder_in(root, self.folder, obtain=self.obtain)
        parts = self._records(folder)
        complete, missing = self._compared(folder, parts)
        if lacking := self._lacks_masks(folder):
            raise DataError(f"{self.benchmark.name} needs masks: {lacking}. {_RECIPE}")
        complete.settle(self.check)
        records = parts["test" if split == "test" else "train"]
        if split != "test":
            held_out = validation_mask(
                [record.image for record in records], fraction=self.validation_fraction, seed=0
            )
            records = [r for r, out in zip(records, held_out, strict=True) if out == (split == "validation")]
        records = [record for record in records if not missing & set(self._files(folder, record))]
        every = sorted({record.model for part in parts.values() for record in part})
        shapes = [
            ShapeFile(key=one_word(CATEGORY, model), category=CATEGORY, path=self._model(folder, model))
            for model in every
            if self._model(folder, model) not in missing
        ]
        if not records or not shapes:
            raise DataError(f"nothing of the {split} split is in '{folder}'. {self.obtain}")
        name = self.benchmark.name
        repository = rendered_repository(
            shapes,
            category_names=(CATEGORY,),
            root=folder,
            cache=cache,
            name=name,
            frame="shapenet_v1",
            options=RenderOptions(size=self.size),
            max_bad=self.max_bad,
            processes=self.processes,
        )
        poses = {self._key(record): record for record in records}
        projected = self.masks == "projected"
        reader = PosedReader(poses, folder, self.models)
        with closing(reader):
            return cropped_queries(
                [self._query(folder, record) for record in records],
                repository,
                root=folder,
                cache=cache,
                name=f"{name}-{split}",
                size=self.size,
                margin=self.margin,
                max_bad=self.max_bad,
                read=reader if projected else read_files,
                masks_from=[str(record.pose) for record in records] if projected else "files",
                query_augmentation=self.query_augmentation,
                view_augmentation=self.view_augmentation,
                training_views=self.training_views,
                seed=seed,
            )

    def examine(self, root: Path) -> Completeness:
        """What is there of the benchmark and what is missing."""
        folder = folder_in(root, self.folder, obtain=self.obtain)
        return self._compared(folder, self._records(folder))[0]

    def annotations_file(self, folder: Path) -> Path:
        """The JSON that `anaglyph data prepare` writes."""
        return folder / self.benchmark.annotations / f"annotations_{self.release}.json"

    def _records(self, folder: Path) -> dict[Part, list[CarRecord]]:
        path = self.annotations_file(folder)
        if not path.is_file():
            raise DataError(
                f"there is no '{path}'. Run 'anaglyph data prepare {self.benchmark.name}' once: it "
                f"converts the annotations. {self.obtain}"
            )
        return read_car_records(path, self.benchmark, obtain=self.obtain)

    def _compared(
        self, folder: Path, parts: Mapping[Part, list[CarRecord]]
    ) -> tuple[Completeness, set[Path]]:
        complete = Completeness(f"{self.benchmark.name} in '{folder}'", self.obtain)
        records = [record for part in parts.values() for record in part]
        for part, expected in self.benchmark.images.items():
            complete.expect(f"{part} images", len(parts[part]), expected)
            models = {record.model for record in parts[part]}
            complete.expect(f"CAD models among the {part} images", len(models), self.benchmark.models)
        listed = folder / self.benchmark.listed
        if listed.is_file():
            classes = len(listed.read_text(encoding="utf-8").split())
            complete.expect("fine classes", classes, self.benchmark.classes)
        missing = complete.files(
            "photographs", [folder / self.images / r.image for r in records], root=folder
        )
        missing |= complete.files("CAD models", [self._model(folder, r.model) for r in records], root=folder)
        if lacking := self._lacks_masks(folder):
            complete.problems.append(f"{lacking}. {_RECIPE}")
        elif self.masks == "files":
            masks = [path for r in records if (path := self._mask(folder, r)) is not None]
            missing |= complete.files("masks", masks, root=folder)
        return complete, missing

    def _lacks_masks(self, folder: Path) -> str:
        """Why there are no masks; empty where there are some or none are needed."""
        if self.masks == "projected" or (self.mask_folder and (folder / self.mask_folder).is_dir()):
            return ""
        if not self.mask_folder:
            return "no mask_folder is set"
        return f"there is no folder '{folder / self.mask_folder}'"

    def _files(self, folder: Path, record: CarRecord) -> tuple[Path, ...]:
        mask = self._mask(folder, record)
        return folder / self.images / record.image, *(() if mask is None else (mask,))

    def _mask(self, folder: Path, record: CarRecord) -> Path | None:
        if self.masks == "projected":
            return None
        return folder / self.mask_folder / PurePosixPath(record.image).with_suffix(".png")

    def _model(self, folder: Path, model: str) -> Path:
        return folder / self.models / model / "model.obj"

    def _key(self, record: CarRecord) -> str:
        return one_word(*PurePosixPath(record.image).parts)

    def _query(self, folder: Path, record: CarRecord) -> QueryFile:
        return QueryFile(
            key=self._key(record),
            shape=record.shape,
            image=folder / self.images / record.image,
            mask=self._mask(folder, record),
            azimuth=record.pose.library_azimuth,
        )


class PosedReader:
    """Reads photographs and draws their masks; keeps the last model, as queries come by shape."""

    def __init__(self, records: Mapping[str, CarRecord], folder: Path, models: str) -> None:
        self.records, self.folder, self.models = records, folder, models
        self.readers = MeshReaders(root=folder)
        self.last: tuple[str, Mesh] | None = None

    def __call__(self, query: QueryFile) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Picture and silhouette."""
        record = self.records[query.key]
        if self.last is None or self.last[0] != record.model:
            path = self.folder / self.models / record.model / "model.obj"
            self.last = record.model, self.readers.load(path, up="y")
        image, _ = read_masked_picture(query.image)
        height, width = image.shape[:2]
        return image, posed_mask(self.last[1], record.pose, width=width, height=height)

    def close(self) -> None:
        """End the process that reads models."""
        self.readers.close()
