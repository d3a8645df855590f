"""Objects with their pictures and clouds in memory: the one kind of data set in Anaglyph.

What `batch` returns depends on (seed, epoch, crop, key) alone: a row is the same by itself, in any batch,
in a worker process, after pickling and after a resumed run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anaglyph.data.objects import digest
from anaglyph.data.schema import check_images, check_keys, check_labels, check_points
from anaglyph.data.transforms.image import ImageAugmentation, augment_images, central_crop
from anaglyph.data.transforms.points import PointAugmentation, augment_points, choose_points
from anaglyph.data.transforms.ranges import Rows
from anaglyph.errors import DataError
from anaglyph.randomness import row_keys, uniform
from anaglyph.types import Batch, Sample


@dataclass(frozen=True, kw_only=True, eq=False)
class PairedObjects:
    """One split of a data set. Checked when made: DataError says what does not fit."""

    keys: tuple[str, ...]
    """(N) object ids, unique; row i of every array belongs to key i."""
    class_names: tuple[str, ...]
    labels: NDArray[np.int64]
    """(N,) true classes, for evaluation; `loader` takes them out of training batches."""
    images: NDArray[np.uint8] | None = None
    """(N, V, C, H, W), 0 to 255."""
    points: NDArray[np.floating[Any]] | None = None
    """(N, P, 3) float16 or float32, each cloud in random order, axes and units as its data set states."""
    points_per_object: int = 0
    """Random points handed out per augmented access; 0 is all."""
    evaluation_points: int = 0
    """Points handed out without augmentation, always the first ones; 0 is all."""
    views_per_object: int = 0
    """Different random views handed out per augmented access; 0 is all, as without augmentation."""
    image_augmentation: ImageAugmentation = field(default_factory=ImageAugmentation)
    point_augmentation: PointAugmentation = field(default_factory=PointAugmentation)
    static_augmentation: bool = False
    """Every epoch draws the same, as RoMo's release does, which augments once when it loads."""
    seed: int = 0
    """Run seed of the augmentation."""

    def __post_init__(self) -> None:
        check_keys(self.keys)
        check_labels(self.labels, objects=len(self.keys), classes=len(self.class_names))
        if self.images is None and self.points is None:
            raise DataError("a data set needs images, points or both; this one has neither.")
        if self.images is not None:
            check_images(self.images, objects=len(self.keys))
            if not 0 <= self.views_per_object <= self.images.shape[1]:
                raise DataError(
                    f"{self.views_per_object} views per object are asked for; {self.images.shape[1]} exist."
                )
        if self.points is not None:
            needed = max(self.points_per_object, self.evaluation_points, 1)
            check_points(self.points, keys=self.keys, needed=needed)

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def fields(self) -> frozenset[str]:
        """What batches hold beside keys and indices."""
        there = {"images": self.images, "points": self.points}
        return frozenset({"labels", *(name for name, array in there.items() if array is not None)})

    def fingerprint(self) -> str:
        """16 hexadecimal digits over keys, pictures and clouds; labels do not enter."""
        return digest(self.keys, (self.images, self.points))

    def __getitem__(self, index: int) -> Sample:
        """One object without augmentation."""
        if not 0 <= index < len(self):
            raise IndexError(f"row {index} of {len(self)}")
        batch = self.batch([index], epoch=None)
        return Sample(
            key=batch.keys[0],
            index=index,
            images=None if batch.images is None else batch.images[0],
            points=None if batch.points is None else batch.points[0],
            label=int(self.labels[index]),
        )

    def batch(self, indices: Sequence[int] | NDArray[np.int64], *, epoch: int | None, crop: int = 0) -> Batch:
        """These rows, augmented for `epoch`, or as they are when `epoch` is None.

        `crop` separates independent draws of the same objects within one epoch.
        """
        chosen = np.asarray(indices, dtype=np.int64)
        keys = tuple(self.keys[row] for row in chosen)
        draws: Rows | None = None
        if epoch is not None:
            draws = row_keys(keys, self.seed, "static" if self.static_augmentation else epoch, crop)
        return Batch(
            keys=keys,
            indices=torch.from_numpy(chosen.copy()),
            images=self._images(chosen, draws),
            points=self._points(chosen, draws),
            labels=torch.from_numpy(self.labels[chosen]),
        )

    def subset(self, rows: Sequence[int] | NDArray[np.int64]) -> PairedObjects:
        """The objects of these rows, in this order."""
        chosen = np.asarray(rows, dtype=np.int64)
        return replace(
            self,
            keys=tuple(self.keys[row] for row in chosen),
            labels=self.labels[chosen],
            images=None if self.images is None else self.images[chosen],
            points=None if self.points is None else self.points[chosen],
        )

    def with_point_rows(self, rows: NDArray[np.int64]) -> PairedObjects:
        """Row i takes the cloud of row `rows[i]`: wrong pairs on purpose, for the preset `released` only."""
        if self.points is None:
            raise DataError("this data set has no clouds to pair anew.")
        return replace(self, points=self.points[rows])

    def _images(self, chosen: NDArray[np.int64], draws: Rows | None) -> Tensor | None:
        if self.images is None:
            return None
        crop = self.image_augmentation.crop
        if draws is None:
            images = torch.from_numpy(self.images[chosen]).float() / 255.0
            return central_crop(images, crop) if crop else images
        picked = self.images[chosen]
        if 0 < self.views_per_object < picked.shape[1]:
            order = np.argsort(uniform(draws, "views", picked.shape[1]), axis=1, kind="stable")
            picked = picked[np.arange(len(picked))[:, None], order[:, : self.views_per_object]]
        return augment_images(torch.from_numpy(picked).float() / 255.0, self.image_augmentation, draws)

    def _points(self, chosen: NDArray[np.int64], draws: Rows | None) -> Tensor | None:
        if self.points is None:
            return None
        stored = self.points.shape[1]
        if draws is None:
            count = self.evaluation_points or stored
            return torch.from_numpy(self.points[chosen, :count].astype(np.float32))
        places = choose_points(stored, self.points_per_object or stored, draws)
        picked = self.points[chosen[:, None], places].astype(np.float32)
        return torch.from_numpy(augment_points(picked, self.point_augmentation, draws))
