"""modelnet40_clouds: ModelNet's clouds with the names of their classes, for zero-shot tests.

No texts or colours, and pictures only where `pictures` draws the clouds. ModelNet repeats models, some under
several class names, so report numbers with and without `drop_duplicates`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.cache import cached, digest_of
from anaglyph.data.class_lists import class_list
from anaglyph.data.datasets.cloud_pictures import cloud_pictures
from anaglyph.data.datasets.completeness import Completeness
from anaglyph.data.datasets.described_options import STANDING_POINTS
from anaglyph.data.datasets.modelnet import VIEW_IMAGES
from anaglyph.data.datasets.modelnet_clouds import (
    DUPLICATES,
    Clouds,
    class_names,
    cloud_files,
    read_clouds,
    repeated_clouds,
    rows_of,
    stored,
    y_up,
)
from anaglyph.data.datasets.named_options import spread
from anaglyph.data.described import DescribedObjects
from anaglyph.data.source import Split, check_split, folder_in
from anaglyph.data.splits import validation_mask
from anaglyph.data.transforms.image import ImageAugmentation
from anaglyph.data.transforms.points import PointAugmentation
from anaglyph.errors import ConfigError, DataError
from anaglyph.geometry.cameras import view_cameras
from anaglyph.render.cloud_views import CloudViewOptions

COUNTS: dict[Split, int] = {"train": 9843, "test": 2468}
"""Published numbers of objects."""


@dataclass(frozen=True, kw_only=True)
class ModelNet40Clouds:
    """Clouds of ModelNet40, +y up, turned there where the files have +z up."""

    title: ClassVar[str] = "ModelNet40 clouds and class names, for zero-shot classification"
    licence: ClassVar[str] = "ModelNet (Princeton): models belong to their authors; academic research only"
    obtain: ClassVar[str] = (
        "Put ModelNet clouds there: npz or HDF5 shards with class_names.txt, or <class>/<split>/<id>.ply. "
        "`anaglyph data prepare modelnet40_clouds --set folder=modelnet40_normal_resampled` makes shards of "
        "modelnet40_normal_resampled and of Point-BERT's .dat files in it."
    )

    folder: str = "modelnet40_aligned"
    """Where the clouds lie, relative to the data root."""
    up_axis: Literal["y", "z"] = "z"
    """Which axis is up in the files; y in `modelnet40_normal_resampled`."""
    class_words: Literal["official", "cleaned"] = "official"
    """Class names as published ("night_stand"), or with spaces."""
    drop_duplicates: bool = False
    """Leave out test objects whose cloud occurs in the training split or earlier in the test split, as the
    file duplicates.csv lists them."""
    classes: Literal["modelnet40", "modelnet10", "modelnet40_medium", "modelnet40_hard"] = "modelnet40"
    """Which of the classes there are; one of the lists in `data.class_lists`."""
    pictures: Literal["none", "shaded", "depth"] = "none"
    """Pictures drawn of the clouds: lit surfaces on white, or depth maps, white where near."""
    views: str = "ring12"
    """Cameras of the pictures."""
    size: int = 96
    """Side of the pictures in pixels."""
    views_per_object: int = 1
    """Different random pictures of each object in a training batch; 0 is all."""
    test_views: int = 0
    """Pictures of each object in validation and test, evenly spread and always the same; 0 is all."""
    image_augmentation: ImageAugmentation = VIEW_IMAGES
    validation_fraction: float = 0.1
    """Part of the published training split that is the validation split, by a hash of the keys: no label is
    looked at."""
    stored_points: int = 1024
    """Points kept of each cloud."""
    points: int = 0
    """Random ones of them per augmented access; 0 is all."""
    point_augmentation: PointAugmentation = STANDING_POINTS

    def __post_init__(self) -> None:
        if not 0 <= self.points <= self.stored_points or self.stored_points < 1:
            raise ConfigError(
                f"points={self.points} must lie in 0 to stored_points={self.stored_points}, which is >= 1."
            )
        cameras = len(view_cameras(self.views))
        if not min(self.views_per_object, self.test_views) >= 0 or cameras < max(
            self.views_per_object, self.test_views
        ):
            raise ConfigError(
                f"views_per_object={self.views_per_object} and test_views={self.test_views} must lie in 0 to "
                f"{cameras}, the views of '{self.views}'."
            )
        CloudViewOptions(size=self.size)

    def load(self, split: Split, *, root: Path, cache: Path | None, seed: int) -> DescribedObjects:
        """Read one split; only `test` is the published protocol."""
        check_split(split)
        folder = folder_in(root, self.folder, obtain=self.obtain)
        published: Split = "test" if split == "test" else "train"
        clouds = read_clouds(folder, published, only=self._only)
        rows = np.flatnonzero(self._belongs(split, clouds, folder))
        clouds = rows_of(clouds, rows)
        names = _names(folder, clouds)
        if self._only is not None:
            names = tuple(name for name in names if name in self._only)
        points = cached(
            cache,
            f"modelnet40_clouds-{split}",
            {
                "files": digest_of(cloud_files(folder, published)),
                "ids": clouds.ids,
                "count": self.stored_points,
                **({} if self.up_axis == "z" else {"up_axis": self.up_axis}),
            },
            lambda: {"points": self._stored(clouds)},
        )["points"]
        shown = [name.replace("_", " ") for name in names] if self.class_words == "cleaned" else names
        return DescribedObjects(
            keys=clouds.ids,
            class_names=tuple(shown),
            labels=np.array([names.index(name) for name in clouds.classes], dtype=np.int64),
            points=points,
            pictures=self._pictures(points, clouds.ids, split, cache),
            thumbnails=(None,) * len(clouds.ids),
            texts=((),) * len(clouds.ids),
            points_per_object=self.points,
            views_per_object=self.views_per_object if self.pictures != "none" and split == "train" else 0,
            image_augmentation=self.image_augmentation,
            point_augmentation=self.point_augmentation,
            seed=seed,
        )

    def examine(self, root: Path) -> Completeness:
        """How many of the published objects are there."""
        complete = Completeness(self.title, self.obtain)
        folder = folder_in(root, self.folder, obtain=self.obtain)
        for split, count in COUNTS.items():
            complete.expect(f"{split} objects", len(read_clouds(folder, split).ids), count)
        return complete

    def _stored(self, clouds: Clouds) -> NDArray[Any]:
        points = stored(clouds, count=self.stored_points, frame="unit_sphere")
        return y_up(points) if self.up_axis == "z" else points

    @property
    def _only(self) -> frozenset[str] | None:
        return None if self.classes == "modelnet40" else frozenset(class_list(self.classes).official)

    def _pictures(
        self, points: NDArray[Any], keys: tuple[str, ...], split: Split, cache: Path | None
    ) -> NDArray[np.uint8] | None:
        if self.pictures == "none":
            return None
        drawn = cloud_pictures(
            points,
            keys,
            views=self.views,
            options=CloudViewOptions(size=self.size, look=self.pictures),
            cache=cache,
            name=f"modelnet40_clouds-{split}",
        )
        few = split != "train" and self.test_views
        return drawn[:, spread(drawn.shape[1], self.test_views)] if few else drawn

    def _belongs(self, split: Split, clouds: Clouds, folder: Path) -> NDArray[np.bool_]:
        """(n,) which objects of the published split are in this one."""
        repeated = repeated_clouds(folder)
        groups = [repeated.get(key, (key, False)) for key in clouds.ids]
        if split == "test":
            if not self.drop_duplicates:
                return np.ones(len(clouds.ids), dtype=np.bool_)
            if not repeated:
                raise DataError(
                    f"drop_duplicates needs a list of repeated clouds, '{folder / DUPLICATES}', which is not "
                    f"there. Write it, or set drop_duplicates to false."
                )
            first = {group: row for row, (group, _) in reversed(list(enumerate(groups)))}
            fresh = [not trained and first[group] == row for row, (group, trained) in enumerate(groups)]
            return np.array(fresh, dtype=np.bool_)
        held_out = validation_mask(
            clouds.ids, fraction=self.validation_fraction, seed=0, groups=[group for group, _ in groups]
        )
        return held_out if split == "validation" else ~held_out


def _names(folder: Path, clouds: Clouds) -> tuple[str, ...]:
    """Every class: those that a file lists, else the folders of a tree."""
    try:
        return class_names(folder)
    except DataError:
        folders = {
            path.parent.parent.name for path in cloud_files(folder, "train") + cloud_files(folder, "test")
        }
        return tuple(sorted(folders or set(clouds.classes)))
