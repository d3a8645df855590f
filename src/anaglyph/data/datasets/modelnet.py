"""modelnet: ModelNet10/40 clouds, alone or paired by object id with rendered views.

ModelNet repeats models: bit-identical clouds occur under several ids, some in both splits. `duplicates.csv`
beside the clouds lists them; `drop_duplicates` takes those test objects out that training has seen, and
repeated training objects never fall on both sides of the validation split.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.cache import cached, digest_of
from anaglyph.data.class_lists import CLASS_LISTS
from anaglyph.data.datasets.modelnet_clouds import (
    Clouds,
    Frame,
    cloud_files,
    read_clouds,
    repeated_clouds,
    rows_of,
    stored,
)
from anaglyph.data.datasets.modelnet_views import ViewList, list_views, read_views
from anaglyph.data.paired import PairedObjects
from anaglyph.data.pairing import pair_by_id, pair_by_row
from anaglyph.data.source import Split, check_split, folder_in
from anaglyph.data.splits import validation_mask
from anaglyph.data.transforms.image import ImageAugmentation
from anaglyph.data.transforms.points import PointAugmentation
from anaglyph.errors import ConfigError, DataError

MODELNET10 = CLASS_LISTS["modelnet10"].official
VIEW_IMAGES = ImageAugmentation(
    scale=(0.85, 1.15), shift=0.08, flip=0.5, brightness=0.1, contrast=0.2, background=1.0
)
OBJECT_POINTS = PointAugmentation(
    rotation=15.0, stretch=((2 / 3, 3 / 2),) * 3, shift=0.2, jitter=0.01, jitter_clip=0.02
)
_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class ModelNet:
    """CAD objects as clouds (+z up) and, where there are any, rendered views."""

    title: ClassVar[str] = "ModelNet10/40 clouds, paired with rendered views"
    licence: ClassVar[str] = "ModelNet (Princeton): models belong to their authors; academic research only"
    obtain: ClassVar[str] = (
        "Put ModelNet clouds there (npz or HDF5 shards, or <class>/<split>/<id>.ply) and views as "
        "<class>/<split>/<id>_<view>.jpg; set views_folder to '' to use clouds alone."
    )

    folder: str = "modelnet40_aligned"
    """Where the clouds lie, relative to the data root."""
    views_folder: str = "modelnet10_views"
    """Where the views lie, relative to the data root; '' for clouds alone."""
    classes: Literal["modelnet10", "all"] = "modelnet10"
    pair_by: Literal["id", "row"] = "id"
    """Join clouds and views by object id, or insist that row r of both lists is the same object."""
    unpaired: Literal["drop", "refuse"] = "drop"
    """What happens to clouds without views; views without a cloud are always refused."""
    drop_duplicates: bool = False
    """Test objects whose cloud also occurs in the training split are left out."""
    validation_fraction: float = 0.1
    """Part of the published training split that is held out."""
    size: int = 64
    """Side of the pictures in pixels."""
    gray: bool = True
    """One channel instead of three; the renderings have no colour."""
    train_views: int = 2
    """Random views per augmented access; 0 is all there are."""
    test_views: int = 0
    """Views of each object in the validation and the test split, evenly spread; 0 is all there are."""
    frame: Frame = "unit_sphere"
    """unit_sphere centres and scales each cloud, centred only centres it."""
    points: int = 1024
    """Points per augmented access."""
    evaluation_points: int = 1024
    """Points per access without augmentation."""
    stored_points: int = 1024
    """Points kept of each cloud, from which the others are drawn."""
    static_augmentation: bool = False
    """Augment each object once instead of at every access, as RoMo's release does."""
    image_augmentation: ImageAugmentation = VIEW_IMAGES
    point_augmentation: PointAugmentation = OBJECT_POINTS

    def __post_init__(self) -> None:
        if self.size < 8 or self.test_views < 0:
            raise ConfigError(f"size={self.size} must be >= 8 and test_views={self.test_views} >= 0.")

    def load(self, split: Split, *, root: Path, cache: Path | None, seed: int) -> PairedObjects:
        """Read one split."""
        check_split(split)
        folder = folder_in(root, self.folder, obtain=self.obtain)
        published: Split = "test" if split == "test" else "train"
        only = frozenset(MODELNET10) if self.classes == "modelnet10" else None
        clouds = read_clouds(folder, published, only=only)
        views = None
        if self.views_folder:
            place = folder_in(root, self.views_folder, obtain=self.obtain)
            views = list_views(place, published, views=0 if split == "train" else self.test_views, only=only)
            clouds, views = self._paired(clouds, views)
        groups = repeated_clouds(folder)
        rows = np.flatnonzero(self._belongs(split, clouds, groups))
        clouds = rows_of(clouds, rows)
        names = MODELNET10 if only else tuple(sorted(set(clouds.classes)))
        about: dict[str, Any] = {"ids": clouds.ids, "version": _VERSION}
        points = cached(
            cache,
            f"modelnet-clouds-{split}",
            {
                **about,
                "files": digest_of(cloud_files(folder, published)),
                "count": self.stored_points,
                "frame": self.frame,
            },
            lambda: {"points": stored(clouds, count=self.stored_points, frame=self.frame)},
        )["points"]
        return PairedObjects(
            keys=clouds.ids,
            class_names=names,
            labels=np.array([names.index(name) for name in clouds.classes], dtype=np.int64),
            images=None if views is None else self._images(views, rows, split, cache, about),
            points=points,
            points_per_object=self.points,
            evaluation_points=self.evaluation_points,
            views_per_object=0 if views is None or split != "train" else self.train_views,
            image_augmentation=self.image_augmentation,
            point_augmentation=self.point_augmentation,
            static_augmentation=self.static_augmentation,
            seed=seed,
        )

    def _paired(self, clouds: Clouds, views: ViewList) -> tuple[Clouds, ViewList]:
        """Both in the order of the ids that both have."""
        pictured = set(views.ids)
        if not pictured & set(clouds.ids):
            raise DataError(
                f"no cloud and no view share an id (clouds: '{clouds.ids[0]}' ..., views: '{views.ids[0]}' "
                f"...); name the pictures <id>_<view> or write a pairs.csv."
            )
        if self.unpaired == "drop":
            clouds = rows_of(
                clouds, np.array([r for r, key in enumerate(clouds.ids) if key in pictured], dtype=int)
            )
        if self.pair_by == "row":
            pair_by_row(views.ids, clouds.ids)
        pictures, shapes = pair_by_id(views.ids, clouds.ids)
        clouds = rows_of(clouds, shapes)
        views = ViewList(
            tuple(views.ids[row] for row in pictures),
            tuple(views.classes[row] for row in pictures),
            tuple(views.files[row] for row in pictures),
        )
        for key, shape, picture in zip(clouds.ids, clouds.classes, views.classes, strict=True):
            if shape != picture:
                raise DataError(
                    f"'{key}' is a {shape} among the clouds and a {picture} among the views; check the pairs."
                )
        return clouds, views

    def _belongs(
        self, split: Split, clouds: Clouds, groups: dict[str, tuple[str, bool]]
    ) -> NDArray[np.bool_]:
        """(n,) which objects of the published split are in this one."""
        if split == "test":
            kept = [not (self.drop_duplicates and groups.get(key, ("", False))[1]) for key in clouds.ids]
            return np.array(kept, dtype=np.bool_)
        held_out = validation_mask(
            clouds.ids,
            fraction=self.validation_fraction,
            seed=0,
            groups=[groups.get(key, (key, True))[0] for key in clouds.ids],
        )
        return held_out if split == "validation" else ~held_out

    def _images(
        self,
        views: ViewList,
        rows: NDArray[np.int64],
        split: Split,
        cache: Path | None,
        about: dict[str, Any],
    ) -> NDArray[np.uint8]:
        files = tuple(views.files[row] for row in rows)
        flat = [path for paths in files for path in paths]
        return cached(
            cache,
            f"modelnet-views-{split}",
            {**about, "files": digest_of(flat), "size": self.size, "gray": self.gray},
            lambda: {"images": read_views(files, size=self.size, gray=self.gray)},
        )["images"]
