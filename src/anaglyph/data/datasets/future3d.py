"""future3d: rendered rooms with instance masks, and the furniture in them (3D-FUTURE, Fu et al., IJCV 2021).

Layout after the readme of its toolbox: `3D-FUTURE-model/<id>/raw_model.obj` and `model_info.json`;
`3D-FUTURE-scene/<train|test>/image/<file_name>.jpg` and `3D-FUTURE-scene/GT/<train|test>_set.json` in COCO's
form, whose annotations also have `model_id`. From memory, not checked on files: models stand +y up with the
front at +z; `model_info.json` is a list with `model_id`, `super-category` and `category`; `file_name` lacks
its suffix.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.datasets.annotation_files import numbers_of, one_word, path_of, read_json, rows_of
from anaglyph.data.datasets.coco_masks import coco_mask
from anaglyph.data.datasets.completeness import Check, Completeness
from anaglyph.data.datasets.cropped_queries import QueryFile, Reader, cropped_queries
from anaglyph.data.datasets.rendered_shapes import ShapeFile, rendered_repository
from anaglyph.data.datasets.stored_rows import identity_of
from anaglyph.data.shape_queries import ShapeQueries, ShapeRepository
from anaglyph.data.source import Split, check_split, folder_in
from anaglyph.data.splits import validation_mask
from anaglyph.data.transforms.joint import QueryAugmentation, ViewAugmentation
from anaglyph.errors import DataError
from anaglyph.io.pictures import read_masked_picture
from anaglyph.render.options import RenderOptions

IMAGES = 20_240
_PARTS = ("train", "test")
_OTHER = "other"


@dataclass(frozen=True)
class _Furniture:
    """One piece of furniture in one rendered room."""

    key: str
    image: str
    """Name of the room's picture, without folder and suffix."""
    model: str
    segmentation: Any
    """COCO's polygons or run lengths."""


@dataclass(frozen=True)
class _Rooms:
    """One of the two sets of rendered rooms."""

    names: tuple[str, ...]
    """Of the pictures, without folder and suffix."""
    furniture: tuple[_Furniture, ...]
    """What can be a query."""


@dataclass(frozen=True, kw_only=True)
class Future3D:
    """Furniture in rendered rooms, cut out by its mask, against all furniture that there is a model of."""

    title: ClassVar[str] = "3D-FUTURE: furniture in 20,240 rendered rooms, with masks and textured 3D models"
    licence: ClassVar[str] = "3D-FUTURE Terms of Use (Alibaba): signed agreement, non-commercial research"
    obtain: ClassVar[str] = (
        "Sign the terms of use at https://tianchi.aliyun.com/specials/promotion/alibaba-3d-future and unpack "
        "3D-FUTURE-model.zip and 3D-FUTURE-scene.zip into the folder '3D-FUTURE' of the data root."
    )

    folder: str = "3D-FUTURE"
    """Where the two unpacked folders lie, relative to the data root."""
    models: str = "3D-FUTURE-model"
    """Folder of models, relative to the folder."""
    scenes: str = "3D-FUTURE-scene"
    """Folder of rooms, relative to the folder."""
    category_by: Literal["super-category", "category"] = "super-category"
    """Field of model_info.json that names a model's category."""
    smallest: int = 64
    """Shorter sides of a mask's box, in pixels, below which a piece is not a query; ours."""
    validation_fraction: float = 0.1
    """Part of the training rooms held out, by a hash of their names."""
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
        """Read one split; its repository holds all models that are there."""
        check_split(split)
        folder = folder_in(root, self.folder, obtain=self.obtain)
        rooms = {part: self._rooms(folder, part) for part in _PARTS}
        complete, missing = self._compared(folder, rooms)
        complete.settle(self.check)
        part = "test" if split == "test" else "train"
        records = [
            record
            for record in rooms[part].furniture
            if self._picture(folder, part, record.image) not in missing
        ]
        if split != "test" and records:
            held_out = validation_mask(
                [record.key for record in records],
                fraction=self.validation_fraction,
                seed=0,
                groups=[record.image for record in records],
            )
            records = [r for r, out in zip(records, held_out, strict=True) if out == (split == "validation")]
        if not records:
            raise DataError(f"nothing of the {split} split is in '{folder}'. {self.obtain}")
        repository = self._repository(folder, missing, cache)
        shapes = {key.rpartition("/")[2]: key for key in repository.keys}
        return cropped_queries(
            [
                QueryFile(
                    key=record.key,
                    shape=shapes.get(record.model, record.model),
                    image=self._picture(folder, part, record.image),
                )
                for record in records
            ],
            repository,
            root=folder,
            cache=cache,
            name=f"future3d-{split}",
            size=self.size,
            margin=self.margin,
            max_bad=self.max_bad,
            read=_reader(records),
            masks_from=identity_of([self._set(folder, part)], root=folder),
            query_augmentation=self.query_augmentation,
            view_augmentation=self.view_augmentation,
            training_views=self.training_views,
            seed=seed,
        )

    def examine(self, root: Path) -> Completeness:
        """What is there of the data set and what is missing."""
        folder = folder_in(root, self.folder, obtain=self.obtain)
        return self._compared(folder, {part: self._rooms(folder, part) for part in _PARTS})[0]

    def _compared(self, folder: Path, rooms: Mapping[str, _Rooms]) -> tuple[Completeness, set[Path]]:
        complete = Completeness(f"3D-FUTURE in '{folder}'", self.obtain)
        pictures = [self._picture(folder, part, name) for part in _PARTS for name in rooms[part].names]
        complete.expect("rooms in train_set.json and test_set.json", len(pictures), IMAGES)
        missing = complete.files("pictures of rooms", pictures, root=folder)
        missing |= complete.files(
            "models", [self._model(folder, model) for model in self._categories(folder)], root=folder
        )
        return complete, missing

    def _repository(self, folder: Path, missing: set[Path], cache: Path | None) -> ShapeRepository:
        categories = self._categories(folder)
        shapes = [
            ShapeFile(key=one_word(name, model), category=name, path=self._model(folder, model))
            for model, name in sorted(categories.items())
            if self._model(folder, model) not in missing
        ]
        if not shapes:
            raise DataError(f"'{folder}' has no model that model_info.json lists. {self.obtain}")
        return rendered_repository(
            shapes,
            category_names=tuple(sorted(set(categories.values()))),
            root=folder,
            cache=cache,
            name="future3d",
            frame="future3d",
            options=RenderOptions(size=self.size),
            max_bad=self.max_bad,
            processes=self.processes,
        )

    def _categories(self, folder: Path) -> dict[str, str]:
        """Model -> category."""
        path = folder / self.models / "model_info.json"
        rows = rows_of(read_json(path, obtain=self.obtain), "", where=path)
        names = {}
        for number, row in enumerate(rows):
            model = path_of(row, "model_id", where=f"record {number} of '{path}'")
            names[model] = one_word(str(row.get(self.category_by) or _OTHER))
        return names

    def _rooms(self, folder: Path, part: str) -> _Rooms:
        path = self._set(folder, part)
        content = read_json(path, obtain=self.obtain)
        names = {
            row.get("id"): PurePosixPath(path_of(row, "file_name", where=f"image {n} of '{path}'")).stem
            for n, row in enumerate(rows_of(content, "images", where=path))
        }
        furniture = []
        for number, row in enumerate(rows_of(content, "annotations", where=path)):
            where = f"annotation {number} of '{path}'"
            box = numbers_of(row.get("bbox"), 4)
            if not row.get("model_id") or box is None or min(box[2:]) < self.smallest:
                continue
            image = names.get(row.get("image_id"))
            if image is None:
                raise DataError(f"{where} has image_id={row.get('image_id')!r}, which no image has.")
            key = one_word(part, image, str(row.get("id", number)))
            model = path_of(row, "model_id", where=where)
            furniture.append(_Furniture(key, image, model, row.get("segmentation")))
        return _Rooms(tuple(names.values()), tuple(furniture))

    def _set(self, folder: Path, part: str) -> Path:
        return folder / self.scenes / "GT" / f"{part}_set.json"

    def _model(self, folder: Path, model: str) -> Path:
        return folder / self.models / model / "raw_model.obj"

    def _picture(self, folder: Path, part: str, name: str) -> Path:
        return folder / self.scenes / part / "image" / f"{name}.jpg"


def _reader(records: Sequence[_Furniture]) -> Reader:
    by_key = {record.key: record for record in records}

    def read(query: QueryFile) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        image, _ = read_masked_picture(query.image)
        height, width = image.shape[:2]
        mask = by_key[query.key].segmentation
        return image, coco_mask(mask, width=width, height=height, where=f"'{query.key}'")

    return read
