"""scanobjectnn: scans of 15 kinds of objects in three variants, pictured by drawings of their clouds.

The official HDF5 files name no objects, so keys are rows. The hardest variant holds each object up to five
times, moved and cut in other ways, and nothing in the files says which rows are one object: its validation
split shares objects with its training split.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from anaglyph.data.cache import cached, digest_of
from anaglyph.data.class_lists import class_list
from anaglyph.data.datasets.cloud_pictures import cloud_pictures
from anaglyph.data.datasets.completeness import Check, Completeness
from anaglyph.data.datasets.modelnet_clouds import Clouds, rows_of, stored, y_up
from anaglyph.data.datasets.named_options import NamedOptions, named_objects
from anaglyph.data.described import DescribedObjects
from anaglyph.data.source import Split, check_split, folder_in
from anaglyph.data.splits import validation_mask
from anaglyph.errors import ConfigError, DataError
from anaglyph.io.arrays import read_dataset
from anaglyph.render.cloud_views import CloudViewOptions

Variant = Literal["obj_only", "obj_bg", "hardest"]
FILES: dict[str, str] = {
    "obj_only": "main_split_nobg/{split}_objectdataset.h5",
    "obj_bg": "main_split/{split}_objectdataset.h5",
    "hardest": "main_split/{split}_objectdataset_augmentedrot_scale75.h5",
}
"""Variant -> where its file lies, "training" or "test"."""
COUNTS: dict[str, dict[str, int]] = {
    "obj_only": {"train": 2309, "test": 581},
    "obj_bg": {"train": 2309, "test": 581},
    "hardest": {"train": 11_416, "test": 2882},
}
"""Published numbers of scans."""


@dataclass(frozen=True, kw_only=True)
class ScanObjectNN(NamedOptions):
    """2,048 points of each scan."""

    title: ClassVar[str] = "ScanObjectNN: scans of real objects, with pictures drawn of their clouds"
    licence: ClassVar[str] = "ScanObjectNN (HKUST): research only"
    obtain: ClassVar[str] = (
        "Ask for h5_files.zip at https://hkust-vgd.github.io/scanobjectnn and unpack main_split and "
        "main_split_nobg into the folder 'scanobjectnn' of the data root."
    )

    folder: str = "scanobjectnn"
    """Where main_split and main_split_nobg lie, relative to the data root."""
    variant: Variant = "obj_only"
    """obj_only: objects alone; obj_bg: with what stands around them; hardest (PB_T50_RS): moved, turned and
    scaled boxes around them."""
    check: Check = "strict"
    """strict stops where counts differ from the published ones, report says so in the log."""
    up: Literal["y", "z"] = "y"
    """Which axis is up in the files."""
    stored_points: int = 2048
    """Points kept of each scan."""
    scan_frame: Literal["unit_sphere", "as_is"] = "unit_sphere"
    """as_is leaves scans where and as large as the files have them, as the Point-BERT family feeds them."""
    pictures: Literal["depth", "shaded", "none"] = "depth"
    """Depth maps, white where near, as CrossMoST's; or lit surfaces on white; or no pictures."""
    views: str = "ring12"
    """Cameras of the pictures."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scan_frame == "as_is" and self.pictures != "none":
            raise ConfigError(
                "pictures are drawn of clouds in the unit sphere; with scan_frame=as_is set pictures=none."
            )

    def load(self, split: Split, *, root: Path, cache: Path | None, seed: int) -> DescribedObjects:
        """Read one split."""
        check_split(split)
        folder = folder_in(root, self.folder, obtain=self.obtain)
        published: Split = "test" if split == "test" else "train"
        path = folder / FILES[self.variant].format(split="test" if published == "test" else "training")
        clouds, labels = self._read(path, published)
        complete = Completeness(self.title, self.obtain)
        complete.expect(f"{published} scans of {self.variant}", len(labels), COUNTS[self.variant][published])
        complete.settle(self.check)
        rows = np.arange(len(labels))
        if published == "train":
            held_out = validation_mask(clouds.ids, fraction=self.validation_fraction, seed=0)
            rows = np.flatnonzero(held_out if split == "validation" else ~held_out)
        chosen = rows_of(clouds, rows)
        name = f"scanobjectnn-{self.variant}-{split}"
        points = cached(
            cache,
            name,
            {
                "file": digest_of([path]), "keys": chosen.ids, "count": self.stored_points, "up": self.up,
                "version": 1, **({} if self.scan_frame == "unit_sphere" else {"scan_frame": self.scan_frame}),
            },
            lambda: {"points": self._stored(chosen)},
        )["points"]  # fmt: skip
        pictures = None
        if self.pictures != "none":
            pictures = cloud_pictures(
                points,
                chosen.ids,
                views=self.views,
                options=CloudViewOptions(size=self.size, look=self.pictures),
                cache=cache,
                name=name,
            )
        return named_objects(
            self,
            keys=chosen.ids,
            labels=labels[rows],
            classes=class_list("scanobjectnn"),
            points=points,
            pictures=pictures,
            training=split == "train",
            seed=seed,
        )

    def _read(self, path: Path, split: Split) -> tuple[Clouds, NDArray[np.int64]]:
        names = class_list("scanobjectnn").official
        if not path.is_file():
            raise DataError(f"there is no file '{path}'. {self.obtain}")
        try:
            with h5py.File(path, "r") as arrays:
                points = read_dataset(arrays, "data")
                labels = read_dataset(arrays, "label").ravel().astype(np.int64)
        except (OSError, KeyError, ValueError) as error:
            raise DataError(f"'{path}' is no readable file of scans with data and label: {error}.") from error
        if points.ndim != 3 or points.shape[2] != 3 or len(points) != len(labels) or not len(labels):
            raise DataError(
                f"'{path}' holds data of shape {points.shape} and {len(labels)} labels; expected are "
                f"(scans, points, 3) and a label for each. Get the file again."
            )
        if not 0 <= int(labels.min()) <= int(labels.max()) < len(names):
            raise DataError(
                f"'{path}' has labels from {labels.min()} to {labels.max()}; allowed are 0 to "
                f"{len(names) - 1}. Get the file again."
            )
        keys = tuple(f"{self.variant}/{split}-{row:05d}" for row in range(len(labels)))
        return Clouds(keys, tuple(names[label] for label in labels), list(points)), labels

    def _stored(self, clouds: Clouds) -> NDArray[Any]:
        points = stored(clouds, count=self.stored_points, frame=self.scan_frame)
        return y_up(points) if self.up == "z" else points
