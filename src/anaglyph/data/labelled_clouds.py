"""Clouds with their classes, as the Point-BERT family shows them to a classifier (dossier ACT, 3.2 to 3.4).

    training    cover each cloud by farthest points, from a random first one; hand out a random part of these
    test        cover it by exactly as many as are handed out
    vote        as in training, with a random stretch and shift

Few labels are a choice of objects: those of the lowest hash of (seed, key) in every class.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anaglyph.data.described import DescribedObjects
from anaglyph.data.objects import digest
from anaglyph.data.paired import PairedObjects
from anaglyph.data.schema import check_keys, check_labels, check_points
from anaglyph.data.transforms.points import PointAugmentation, augment_points
from anaglyph.data.transforms.ranges import Rows
from anaglyph.errors import ConfigError, DataError
from anaglyph.ops.fps import farthest_points
from anaglyph.randomness import row_keys, uniform
from anaglyph.types import Batch

COVERS: Mapping[int, int] = MappingProxyType({1024: 1200, 2048: 2400, 4096: 4800, 8192: 8192})
"""Points handed out -> farthest points that they are drawn from, as published."""
SCALE_TRANSLATE = PointAugmentation(
    rotation_axis="y", stretch=((2 / 3, 1.5), (2 / 3, 1.5), (2 / 3, 1.5)), shift=0.2
)
"""Of pre-training and of ModelNet40: stretched along each axis by itself, and moved."""


@dataclass(frozen=True, kw_only=True)
class Episode:
    """A few classes, a few labelled objects of each, and what is asked about: the same for all seeds."""

    way: int = 5
    """Classes, of those that have enough objects in all splits."""
    shot: int = 10
    """Labelled objects of each, from the training split."""
    fold: int = 0
    """Number of the draw."""
    queries: int = 20
    """Objects of each class that are asked about, from the test split; as many are taken of the validation
    split as it has."""

    def __post_init__(self) -> None:
        if self.way < 2 or self.shot < 1 or self.fold < 0 or self.queries < 1:
            raise ConfigError(
                f"way={self.way} must be >= 2, shot={self.shot} and queries={self.queries} >= 1, "
                f"fold={self.fold} >= 0."
            )


@dataclass(frozen=True, kw_only=True)
class LabelledSpec:
    """How clouds are shown to a classifier."""

    points: int = 0
    """Points handed out; 0 is all stored."""
    cover: int | None = None
    """Farthest points that those of a training access are drawn from; null is the published number (1,200
    for 1,024, 2,400 for 2,048, 4,800 for 4,096, 8,192 for 8,192), else a sixth more than `points`. Never
    more than are stored."""
    labels_per_class: int = 0
    """Training objects of every class that have a label, the others are left out; 0 takes all."""
    episode: Episode | None = None
    """A few-shot episode in place of the whole splits; null takes them whole."""
    augmentation: PointAugmentation = SCALE_TRANSLATE
    """Of training."""
    vote_augmentation: PointAugmentation = SCALE_TRANSLATE
    """Of votes at the test."""

    def __post_init__(self) -> None:
        if self.points < 0 or self.labels_per_class < 0:
            raise ConfigError(
                f"points={self.points} and labels_per_class={self.labels_per_class} must be >= 0; 0 is all."
            )
        if self.cover is not None and self.cover < max(self.points, 1):
            raise ConfigError(
                f"cover={self.cover} must be >= points={self.points}, which are drawn from it, or null for "
                f"the published number."
            )
        if self.episode is not None and self.labels_per_class:
            raise ConfigError(
                f"labels_per_class={self.labels_per_class} and an episode of {self.episode.shot} shots both "
                f"choose what has labels; set one of them to 0 or null."
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledClouds:
    """One split. Checked when made: DataError says what does not fit."""

    keys: tuple[str, ...]
    """(N) object ids, unique."""
    class_names: tuple[str, ...]
    labels: NDArray[np.int64]
    """(N,) true classes."""
    points: NDArray[np.floating[Any]]
    """(N, P, 3) each cloud in random order."""
    spec: LabelledSpec = field(default_factory=LabelledSpec)
    seed: int = 0
    """Run seed of augmentation and of the choice of labels."""

    def __post_init__(self) -> None:
        check_keys(self.keys)
        check_labels(self.labels, objects=len(self.keys), classes=len(self.class_names))
        check_points(self.points, keys=self.keys, needed=max(self.spec.points, 1), channels=(3,))

    @classmethod
    def of(
        cls, objects: PairedObjects | DescribedObjects, spec: LabelledSpec, *, training: bool
    ) -> LabelledClouds:
        """The clouds of a split without their colours; of the training split only what has labels.

        Raises:
            DataError: no clouds, or a class without enough objects in the training split.
        """
        if objects.points is None:
            raise DataError("this data set has no clouds; choose one that has.")
        clouds = cls(
            keys=objects.keys,
            class_names=tuple(objects.class_names),
            labels=objects.labels,
            points=objects.points[..., :3],
            spec=spec,
            seed=objects.seed,
        )
        if not training or spec.episode is not None:
            return clouds
        have = np.bincount(clouds.labels, minlength=len(clouds.class_names))
        if int(have.min()) < max(spec.labels_per_class, 1):
            short = clouds.class_names[int(have.argmin())]
            raise DataError(
                f"the class '{short}' has {have.min()} objects in the training split, and every class needs "
                f"{max(spec.labels_per_class, 1)}; lower labels_per_class, or leave out the class."
            )
        return clouds.with_few_labels(spec.labels_per_class) if spec.labels_per_class else clouds

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def fields(self) -> frozenset[str]:
        """What batches hold beside keys and indices."""
        return frozenset({"points", "labels"})

    @property
    def shown(self) -> int:
        """Points handed out."""
        return self.spec.points or int(self.points.shape[1])

    def fingerprint(self) -> str:
        """16 hexadecimal digits over keys, clouds and labels, which are learned from here."""
        return digest((*self.keys, *self.class_names), (self.points, self.labels))

    def batch(self, indices: Sequence[int] | NDArray[np.int64], *, epoch: int | None, crop: int = 0) -> Batch:
        """These rows, drawn and augmented for `epoch`; without one, covered by farthest points."""
        chosen = np.asarray(indices, dtype=np.int64)
        keys = tuple(self.keys[row] for row in chosen)
        if epoch is None:
            return self._made(chosen, keys, self._covered(chosen, self.shown, None))
        draws = row_keys(keys, self.seed, epoch, crop)
        return self._made(chosen, keys, self._drawn(chosen, draws, self.spec.augmentation))

    def vote(self, indices: Sequence[int] | NDArray[np.int64], *, repetition: int, vote: int) -> Batch:
        """These rows for one of the votes of a repetition: other points, stretched and moved at random."""
        chosen = np.asarray(indices, dtype=np.int64)
        keys = tuple(self.keys[row] for row in chosen)
        draws = row_keys(keys, self.seed, "vote", repetition, vote)
        return self._made(chosen, keys, self._drawn(chosen, draws, self.spec.vote_augmentation, first=True))

    def subset(self, rows: Sequence[int] | NDArray[np.int64]) -> LabelledClouds:
        """The objects of these rows, in this order."""
        chosen = np.asarray(rows, dtype=np.int64)
        return replace(
            self,
            keys=tuple(self.keys[row] for row in chosen),
            labels=self.labels[chosen],
            points=self.points[chosen],
        )

    def with_few_labels(self, count: int) -> LabelledClouds:
        """`count` objects of every class, or all of a class that has fewer."""
        place = np.array([_place(key, self.seed) for key in self.keys])
        kept = [
            rows[np.argsort(place[rows], kind="stable")[:count]]
            for rows in (np.flatnonzero(self.labels == label) for label in range(len(self.class_names)))
        ]
        return self.subset(np.sort(np.concatenate(kept)))

    @property
    def cover(self) -> int:
        """Farthest points that a training access is drawn from."""
        wanted: int = self.spec.cover or COVERS.get(self.shown, self.shown + self.shown // 6)
        return min(wanted, int(self.points.shape[1]))

    def _drawn(
        self, chosen: NDArray[np.int64], draws: Rows, augmentation: PointAugmentation, *, first: bool = False
    ) -> NDArray[np.float32]:
        covered = self._covered(chosen, self.cover, None if first else draws)
        order = np.argsort(uniform(draws, "points/part", covered.shape[1]), axis=1, kind="stable")
        picked = np.take_along_axis(covered, order[:, : self.shown, None], axis=1)
        return augment_points(picked, augmentation, draws)

    def _covered(self, chosen: NDArray[np.int64], count: int, draws: Rows | None) -> NDArray[np.float32]:
        """(B, count, 3) farthest points of each cloud, from its first point or a drawn one."""
        clouds = self.points[chosen].astype(np.float32)
        stored = clouds.shape[1]
        if count == stored:
            return clouds
        start: int | Tensor = 0
        if draws is not None:
            start = torch.from_numpy((uniform(draws, "points/start", 1)[:, 0] * stored).astype(np.int64))
        rows = farthest_points(torch.from_numpy(clouds), count, start=start, shortage="repeat").numpy()
        return np.take_along_axis(clouds, rows[..., None], axis=1)

    def _made(self, chosen: NDArray[np.int64], keys: tuple[str, ...], points: NDArray[np.float32]) -> Batch:
        return Batch(
            keys=keys,
            indices=torch.from_numpy(chosen.copy()),
            points=torch.from_numpy(np.ascontiguousarray(points)),
            labels=torch.from_numpy(self.labels[chosen]),
        )


def _place(key: str, seed: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed}/label/{key}".encode(), digest_size=8).digest(), "little")
