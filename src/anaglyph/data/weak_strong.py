"""Pictures and clouds shown twice: a little changed to a teacher, much changed to its student.

Draw 0 of a batch is weak, every further one (`Batch.crops`) strong. Both show the same views and the same
points, drawn anew in each epoch; only the changes differ. Without an epoch objects are as they are stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anaglyph.data.described import UNLABELLED, DescribedObjects
from anaglyph.data.paired import PairedObjects
from anaglyph.data.transforms.cloud_changes import CloudChanges, change_clouds, in_unit_sphere
from anaglyph.data.transforms.picture_changes import PictureChanges, change_pictures
from anaglyph.data.transforms.points import choose_points
from anaglyph.errors import ConfigError, DataError
from anaglyph.randomness import row_keys, uniform
from anaglyph.types import Batch


@dataclass(frozen=True, kw_only=True)
class Changes:
    """To both modalities."""

    image: PictureChanges = field(default_factory=PictureChanges)
    shape: CloudChanges = field(default_factory=CloudChanges)


@dataclass(frozen=True, kw_only=True)
class WeakStrongSpec:
    """How objects are shown to a teacher and to its student."""

    weak: Changes = field(default_factory=Changes)
    strong: Changes = field(default_factory=Changes)
    views: int = 1
    """Random views of each object, the same for both; 0 is all."""
    points: int = 0
    """Random points of each cloud, the same for both; without an epoch the first ones. 0 is all stored."""
    channels: Literal[3, 4, 6] = 3
    """3 leaves colours out, 6 keeps them, 4 puts the height above the lowest point in their place, after all
    changes."""

    @property
    def stored_channels(self) -> int:
        """Of a stored cloud that are read: 3, or 6 with colours."""
        return 6 if self.channels == 6 else 3

    def __post_init__(self) -> None:
        if self.views < 0 or self.points < 0:
            raise ConfigError(f"views={self.views} and points={self.points} must be >= 0; 0 is all.")
        if self.channels not in (3, 4, 6):
            raise ConfigError(f"channels={self.channels}; allowed are 3, 4 and 6.")


@dataclass(frozen=True, kw_only=True, eq=False)
class WeakStrong:
    """One split. Checked when made: DataError says what does not fit."""

    objects: PairedObjects | DescribedObjects
    """Pictures and clouds; its own augmentation is not used."""
    spec: WeakStrongSpec

    def __post_init__(self) -> None:
        missing = sorted({"images", "points"} - self.objects.fields)
        if missing:
            raise DataError(
                f"this data set has no {' and no '.join(missing)}; weak_strong needs a picture and a cloud "
                f"of every object. Choose a data set that has both."
            )
        views, points = self._images.shape[1], self._points.shape[1]
        if self._points.shape[2] < self.spec.stored_channels:
            raise DataError(
                "clouds with colours are asked for (channels=6), and those stored have none; ask for 3, or "
                "4 with the height."
            )
        if self.spec.views > views or self.spec.points > points:
            raise DataError(
                f"{self.spec.views} views and {self.spec.points} points of each object are asked for, and "
                f"{views} and {points} are stored; ask for fewer, or for 0 to take all."
            )

    def __len__(self) -> int:
        return len(self.objects)

    @property
    def keys(self) -> tuple[str, ...]:
        """(N) ids, unique."""
        return self.objects.keys

    @property
    def labels(self) -> NDArray[np.int64]:
        """(N,) true classes, for evaluation."""
        return self.objects.labels

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, by label."""
        return self.objects.class_names

    @property
    def labelled(self) -> bool:
        """Whether the classes are known, for evaluation."""
        return self.class_names != (UNLABELLED,)

    @property
    def fields(self) -> frozenset[str]:
        """What batches hold beside keys and indices."""
        return frozenset({"images", "points", "labels"})

    def fingerprint(self) -> str:
        """16 hexadecimal digits over everything but the labels."""
        return self.objects.fingerprint()

    def subset(self, rows: Sequence[int] | NDArray[np.int64]) -> WeakStrong:
        """The objects of these rows, in this order."""
        return replace(self, objects=self.objects.subset(rows))

    def batch(self, indices: Sequence[int] | NDArray[np.int64], *, epoch: int | None, crop: int = 0) -> Batch:
        """These rows, weakly changed for `epoch` (crop 0) or strongly (any other).

        Without an epoch as they are stored: all views, and clouds in the unit sphere where the weak changes
        bring them there.
        """
        chosen = np.asarray(indices, dtype=np.int64)
        if epoch is None:
            return self._as_stored(chosen)
        keys, seed = tuple(self.keys[row] for row in chosen), self.objects.seed
        shown, draws = row_keys(keys, seed, epoch), row_keys(keys, seed, epoch, crop)
        changes = self.spec.strong if crop else self.spec.weak
        pictures = np.ascontiguousarray(self._images[chosen])
        if 0 < self.spec.views < pictures.shape[1]:
            order = np.argsort(uniform(shown, "views", pictures.shape[1]), axis=1, kind="stable")
            pictures = pictures[np.arange(len(chosen))[:, None], order[:, : self.spec.views]]
        places = choose_points(self._points.shape[1], self.spec.points or self._points.shape[1], shown)
        clouds = self._points[chosen[:, None], places, : self.spec.stored_channels].astype(np.float32)
        return Batch(
            keys=keys,
            indices=torch.from_numpy(chosen.copy()),
            images=change_pictures(torch.from_numpy(pictures).float() / 255.0, changes.image, draws),
            points=_handed_out(change_clouds(clouds, changes.shape, draws), self.spec),
            labels=torch.from_numpy(self.labels[chosen]),
        )

    def _as_stored(self, chosen: NDArray[np.int64]) -> Batch:
        batch = self.objects.batch(chosen, epoch=None)
        return replace(batch, points=clouds_unchanged(self._points[chosen], self.spec), texts=None)

    @property
    def _images(self) -> NDArray[np.uint8]:
        images = self.objects.images if isinstance(self.objects, PairedObjects) else self.objects.pictures
        assert images is not None
        return images

    @property
    def _points(self) -> NDArray[np.floating[Any]]:
        assert self.objects.points is not None
        return self.objects.points


def clouds_unchanged(clouds: NDArray[np.floating[Any]], spec: WeakStrongSpec) -> Tensor:
    """(B, P, 3 or 6) stored clouds -> (B, `spec.points`, `spec.channels`) as without an epoch.

    The first points; in the unit sphere where the weak changes bring clouds there.
    """
    count = spec.points or clouds.shape[1]
    points = clouds[:, :count, : spec.stored_channels].astype(np.float32)
    if spec.weak.shape.unit_sphere:
        points[..., :3] = in_unit_sphere(points[..., :3])
    return _handed_out(points, spec)


def _handed_out(clouds: NDArray[np.float32], spec: WeakStrongSpec) -> Tensor:
    if spec.channels == 4:
        up = clouds[..., "xyz".index(spec.weak.shape.up), None]
        clouds = np.concatenate([clouds, up - up.min(axis=1, keepdims=True)], axis=2)
    return torch.from_numpy(clouds)
