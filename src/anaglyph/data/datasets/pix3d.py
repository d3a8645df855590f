"""pix3d: photographs of furniture with masks, and the very 3D model that each shows (Sun et al., CVPR 2018).

Models stand with +x leftward, +y upward and +z inward in their canonical view, so their front looks along -z;
half a turn about y brings them into the library's frame. The folder of a model is its identity.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import ClassVar, Literal

from anaglyph.data.datasets.completeness import Check, Completeness
from anaglyph.data.datasets.cropped_queries import QueryFile, cropped_queries
from anaglyph.data.datasets.frames import azimuth_of
from anaglyph.data.datasets.pix3d_splits import (
    CATEGORIES,
    IBSR_CATEGORIES,
    IMAGES,
    S1_IMAGES,
    Pix3DRecord,
    Protocol,
    ibsr_halves,
    model_of_shapes,
    read_mesh_rcnn,
    read_records,
    read_test_list,
)
from anaglyph.data.datasets.rendered_shapes import ShapeFile, rendered_repository
from anaglyph.data.shape_queries import ShapeQueries, ShapeRepository
from anaglyph.data.source import Split, check_split, folder_in
from anaglyph.data.splits import validation_mask
from anaglyph.data.transforms.joint import QueryAugmentation, ViewAugmentation
from anaglyph.errors import ConfigError, DataError, unknown_name
from anaglyph.render.options import RenderOptions


@dataclass(frozen=True, kw_only=True)
class Pix3D:
    """Photographs against all shapes of the chosen categories."""

    title: ClassVar[str] = "Pix3D: 10,069 photographs of furniture with masks and their exact 3D models"
    licence: ClassVar[str] = "CC BY 4.0 (annotations and models; photographs belong to their owners)"
    obtain: ClassVar[str] = (
        "Get pix3d.zip (3.6 GB) from http://pix3d.csail.mit.edu and unpack it so that pix3d.json, img/, "
        "mask/ and model/ lie in the folder 'pix3d' of the data root; the S1 and S2 files "
        "(pix3d_s1_train.json ...) come from https://dl.fbaipublicfiles.com/meshrcnn/pix3d/, the IBSR list "
        "pix3d_test_list.txt from https://data.ciirc.cvut.cz/public/projects/2022FocalPose/."
    )

    folder: str = "pix3d"
    """Where pix3d.json lies, relative to the data root."""
    protocol: Protocol = "ibsr"
    """How images are divided; see `pix3d_splits`. Results of different protocols cannot be compared."""
    categories: tuple[str, ...] = ()
    """A subset; empty takes all of the protocol: four for ibsr, nine for s1 and s2."""
    test_list: str = ""
    """ibsr: a published list of test images, relative to the folder; '' halves each shape's by our rule."""
    test_images: Literal["clean", "hard", "all"] = "clean"
    """ibsr: the test half, or instead occluded, slightly occluded and truncated images, or both."""
    split_files: str = "."
    """s1, s2: folder of Mesh R-CNN's files, relative to the folder."""
    masks: str = ""
    """Folder of predicted masks `<category>/<number>.png`, relative to the folder; '' takes the true ones."""
    validation_fraction: float = 0.1
    """Part of the training images held out, by a hash of their names; of s2, of the training shapes."""
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

    def __post_init__(self) -> None:
        allowed = IBSR_CATEGORIES if self.protocol == "ibsr" else CATEGORIES
        for name in self.categories:
            if name not in allowed:
                raise ConfigError(unknown_name(f"category of the protocol {self.protocol}", name, allowed))
        if self.protocol != "ibsr" and (self.test_list or self.test_images != "clean"):
            raise ConfigError(f"test_list and test_images belong to protocol=ibsr, not to {self.protocol}.")

    @property
    def chosen(self) -> tuple[str, ...]:
        """Categories in the order of their labels."""
        return self.categories or (IBSR_CATEGORIES if self.protocol == "ibsr" else CATEGORIES)

    def load(self, split: Split, *, root: Path, cache: Path | None, seed: int) -> ShapeQueries:
        """Read one split; its repository holds every shape of the categories, whatever its images are."""
        check_split(split)
        folder = folder_in(root, self.folder, obtain=self.obtain)
        records = read_records(folder, obtain=self.obtain)
        complete, missing = self._compared(folder, records)
        complete.settle(self.check)
        mine = [record for record in records if record.category in self.chosen]
        wanted = self._images_of(split, folder, records, mine)
        queries = [
            self._query(folder, record)
            for record in mine
            if record.image in wanted and not missing & set(self._files(folder, record))
        ]
        modelled = [record for record in mine if folder / record.model not in missing]
        if not queries or not modelled:
            raise DataError(
                f"'{folder}' has nothing for the {split} split: no image of {', '.join(self.chosen)} with "
                f"mask and model. {self.obtain}"
            )
        return cropped_queries(
            queries,
            self._repository(folder, modelled, cache),
            root=folder,
            cache=cache,
            name=f"pix3d-{self.protocol}-{split}",
            size=self.size,
            margin=self.margin,
            max_bad=self.max_bad,
            query_augmentation=self.query_augmentation,
            view_augmentation=self.view_augmentation,
            training_views=self.training_views,
            seed=seed,
        )

    def examine(self, root: Path) -> Completeness:
        """What is there of the whole data set and what is missing."""
        folder = folder_in(root, self.folder, obtain=self.obtain)
        return self._compared(folder, read_records(folder, obtain=self.obtain))[0]

    def _compared(self, folder: Path, records: list[Pix3DRecord]) -> tuple[Completeness, set[Path]]:
        complete = Completeness(f"Pix3D in '{folder}'", self.obtain)
        complete.expect("images in pix3d.json", len(records), IMAGES)
        complete.expect("categories", len({record.category for record in records}), len(CATEGORIES))
        mine = [record for record in records if record.category in self.chosen]
        missing: set[Path] = set()
        for place, what in enumerate(("images", "masks", "models")):
            paths = [self._files(folder, record)[place] for record in mine]
            missing |= complete.files(what, paths, root=folder)
        if self.protocol == "s1":
            for part, expected in S1_IMAGES.items():
                complete.expect(f"{part} images of S1", len(self._published(part, folder, records)), expected)
        return complete, missing

    def _repository(self, folder: Path, records: list[Pix3DRecord], cache: Path | None) -> ShapeRepository:
        models = model_of_shapes(records)
        shapes = [
            ShapeFile(key=key, category=key.partition("/")[0], path=folder / model)
            for key, model in models.items()
        ]
        return rendered_repository(
            shapes,
            category_names=self.chosen,
            root=folder,
            cache=cache,
            name="pix3d",
            frame="pix3d",
            options=RenderOptions(size=self.size),
            max_bad=self.max_bad,
            processes=self.processes,
        )

    def _images_of(
        self, split: Split, folder: Path, records: list[Pix3DRecord], mine: list[Pix3DRecord]
    ) -> set[str]:
        """Images of this split; the validation part comes out of the training images, never the test's."""
        if self.protocol == "ibsr":
            clean = [record for record in mine if not record.hard]
            train, test = ibsr_halves(clean)
            if self.test_list:
                test = read_test_list(folder / self.test_list, records, obtain=self.obtain)
                train = {record.image for record in clean} - test
                test &= {record.image for record in clean}
            hard = {record.image for record in mine if record.hard}
            test = {"clean": test, "hard": hard, "all": test | hard}[self.test_images]
        else:
            train, test = (self._published(part, folder, records) for part in ("train", "test"))
        if split == "test":
            return test
        rows = [record for record in mine if record.image in train]
        held_out = validation_mask(
            [record.key for record in rows],
            fraction=self.validation_fraction,
            seed=0,
            groups=[record.shape for record in rows] if self.protocol == "s2" else None,
        )
        validation = {record.image for record, out in zip(rows, held_out, strict=True) if out}
        if self.protocol == "ibsr":  # there every tested shape is one that was trained: none loses all images
            trained = {record.shape for record in rows if record.image not in validation}
            validation = {
                record.image for record in rows if record.image in validation and record.shape in trained
            }
        return validation if split == "validation" else {record.image for record in rows} - validation

    def _published(self, part: str, folder: Path, records: list[Pix3DRecord]) -> set[str]:
        path = folder / self.split_files / f"pix3d_{self.protocol}_{part}.json"
        return read_mesh_rcnn(path, records, obtain=self.obtain)

    def _files(self, folder: Path, record: Pix3DRecord) -> tuple[Path, Path, Path]:
        """Image, mask and model."""
        mask = folder / record.mask
        if self.masks:
            name = PurePosixPath(record.image).with_suffix(".png").name
            mask = folder / self.masks / record.category / name
        return folder / record.image, mask, folder / record.model

    def _query(self, folder: Path, record: Pix3DRecord) -> QueryFile:
        image, mask, _ = self._files(folder, record)
        azimuth = float("nan") if record.camera is None else azimuth_of(record.camera, "pix3d")
        return QueryFile(key=record.key, shape=record.shape, image=image, mask=mask, azimuth=azimuth)
