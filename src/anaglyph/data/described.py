"""Objects with rendered pictures, coloured clouds and words: what towers read, and what they learn from.

MixCon3D itself trains on `data.embedded`, which is made of these once. What `batch` returns depends on
(seed, epoch, crop, key) alone, as in `data.paired`.
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
from anaglyph.data.records import TextSource
from anaglyph.data.schema import check_images, check_keys, check_labels, check_points
from anaglyph.data.transforms.image import ImageAugmentation, augment_images, central_crop
from anaglyph.data.transforms.points import PointAugmentation, augment_points, choose_points
from anaglyph.data.transforms.ranges import Rows
from anaglyph.errors import DataError
from anaglyph.randomness import row_keys, uniform
from anaglyph.types import Batch

Picture = NDArray[np.uint8]
Text = tuple[TextSource, str]
UNLABELLED = "(unlabelled)"
"""The one class name of objects whose classes nobody knows."""
_DRAWN = (
    (TextSource.NAME,),
    (TextSource.CAPTION, TextSource.OTHER_CAPTION),
    (TextSource.RETRIEVED,),
)
"""Groups of sources that are drawn equally often, however many texts each has; rejected names never are."""


@dataclass(frozen=True, kw_only=True, eq=False)
class DescribedObjects:
    """One split of a data set. Checked when made: DataError says what does not fit."""

    keys: tuple[str, ...]
    """(N) object ids, unique; row i of everything belongs to key i."""
    class_names: tuple[str, ...]
    labels: NDArray[np.int64]
    """(N,) true classes, for evaluation; `loader` takes them out of training batches."""
    points: NDArray[np.floating[Any]] | None
    """(N, P, 3 or 6) each cloud in random order, +y up in the unit sphere; with red, green and blue in [0, 1]
    behind the coordinates where there are colours."""
    pictures: Picture | None
    """(N, V, 3, H, W) rendered views, 0 to 255, the same cameras for every object; may be a memory map. Of
    one channel, (N, V, 1, H, W), they are handed out in three equal ones."""
    thumbnails: tuple[Picture | None, ...]
    """(N) a (3, H, W) picture of each object that is not one of the views, such as its maker's; or None."""
    texts: tuple[tuple[Text, ...], ...]
    """(N) the texts of each object with their sources; an object may have none."""
    points_per_object: int = 0
    """Random points handed out per augmented access; 0 is all."""
    views_per_object: int = 0
    """Different random views handed out per augmented access; 0 is all, as without augmentation."""
    thumbnail_share: float = 0.0
    """Probability that the thumbnail, where there is one, takes the place of the first drawn view."""
    image_augmentation: ImageAugmentation = field(default_factory=ImageAugmentation)
    point_augmentation: PointAugmentation = field(default_factory=PointAugmentation)
    seed: int = 0
    """Run seed of the augmentation and of the draws of views and texts."""

    def __post_init__(self) -> None:
        objects = len(self.keys)
        check_keys(self.keys)
        check_labels(self.labels, objects=objects, classes=len(self.class_names))
        if len(self.texts) != objects or len(self.thumbnails) != objects:
            raise DataError(
                f"{objects} objects come with {len(self.texts)} entries of texts and {len(self.thumbnails)} "
                f"of thumbnails; give each one, an empty tuple or None where it has none."
            )
        if self.points is not None:
            needed = max(self.points_per_object, 1)
            check_points(self.points, keys=self.keys, needed=needed, channels=(3, 6))
        if self.pictures is not None:
            check_images(self.pictures, objects=objects)
        self._check_draws()

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def fields(self) -> frozenset[str]:
        """What batches hold beside keys and indices."""
        there = {"images": self.pictures is not None, "points": self.points is not None,
                 "texts": any(self.texts)}  # fmt: skip
        return frozenset({"labels", *(name for name, present in there.items() if present)})

    def fingerprint(self) -> str:
        """16 hexadecimal digits over keys, class names, pictures, clouds and texts; labels do not enter."""
        words = [f"{source:d} {text}" for texts in self.texts for source, text in (*texts, (-1, ""))]
        pictured = "".join("01"[picture is not None] for picture in self.thumbnails)
        ids = (*self.keys, *self.class_names, *words, pictured)
        return digest(ids, (self.pictures, self.points, *self.thumbnails))

    def batch(self, indices: Sequence[int] | NDArray[np.int64], *, epoch: int | None, crop: int = 0) -> Batch:
        """These rows, augmented for `epoch` with one text each, or all there is when `epoch` is None.

        `crop` separates independent draws of the same objects within one epoch.
        """
        chosen = np.asarray(indices, dtype=np.int64)
        keys = tuple(self.keys[row] for row in chosen)
        draws: Rows | None = None if epoch is None else row_keys(keys, self.seed, epoch, crop)
        return Batch(
            keys=keys,
            indices=torch.from_numpy(chosen.copy()),
            images=self._images(chosen, draws),
            points=self._points(chosen, draws),
            texts=self._texts(chosen, draws),
            labels=torch.from_numpy(self.labels[chosen]),
        )

    def subset(self, rows: Sequence[int] | NDArray[np.int64]) -> DescribedObjects:
        """The objects of these rows, in this order."""
        chosen = np.asarray(rows, dtype=np.int64)
        return replace(
            self,
            keys=tuple(self.keys[row] for row in chosen),
            labels=self.labels[chosen],
            points=None if self.points is None else self.points[chosen],
            pictures=None if self.pictures is None else self.pictures[chosen],
            thumbnails=tuple(self.thumbnails[row] for row in chosen),
            texts=tuple(self.texts[row] for row in chosen),
        )

    def with_texts(self, texts: Sequence[tuple[Text, ...]]) -> DescribedObjects:
        """The same objects with these texts, a tuple for each."""
        return replace(self, texts=tuple(texts))

    def _check_draws(self) -> None:
        if not 0.0 <= self.thumbnail_share <= 1.0:
            raise DataError(f"thumbnail_share is {self.thumbnail_share}; it is a probability, from 0 to 1.")
        if self.pictures is None:
            return
        if not 0 <= self.views_per_object <= self.pictures.shape[1]:
            raise DataError(
                f"{self.views_per_object} views per object are asked for; {self.pictures.shape[1]} exist. "
                f"0 takes all."
            )
        for key, picture in zip(self.keys, self.thumbnails, strict=True):
            shape = (3, *self.pictures.shape[3:])
            if self.thumbnail_share and picture is not None and picture.shape != shape:
                raise DataError(
                    f"the thumbnail of '{key}' is {picture.shape} and its views are "
                    f"{shape}; make them equal, or set thumbnail_share to 0."
                )

    def _images(self, chosen: NDArray[np.int64], draws: Rows | None) -> Tensor | None:
        if self.pictures is None:
            return None
        picked = in_colour(np.ascontiguousarray(self.pictures[chosen]))
        crop = self.image_augmentation.crop
        if draws is None:
            images = torch.from_numpy(picked).float() / 255.0
            return central_crop(images, crop) if crop else images
        if self.views_per_object:
            order = np.argsort(uniform(draws, "views", picked.shape[1]), axis=1, kind="stable")
            picked = picked[np.arange(len(picked))[:, None], order[:, : self.views_per_object]]
        taken = uniform(draws, "thumbnail", 1)[:, 0] < self.thumbnail_share
        for place in np.flatnonzero(taken):
            if (picture := self.thumbnails[chosen[place]]) is not None:
                picked[place, 0] = picture
        return augment_images(torch.from_numpy(picked).float() / 255.0, self.image_augmentation, draws)

    def _points(self, chosen: NDArray[np.int64], draws: Rows | None) -> Tensor | None:
        if self.points is None:
            return None
        if draws is None:
            return torch.from_numpy(self.points[chosen].astype(np.float32))
        stored = self.points.shape[1]
        places = choose_points(stored, self.points_per_object or stored, draws)
        picked = self.points[chosen[:, None], places].astype(np.float32)
        return torch.from_numpy(augment_points(picked, self.point_augmentation, draws))

    def _texts(self, chosen: NDArray[np.int64], draws: Rows | None) -> tuple[tuple[str, ...], ...] | None:
        if not any(self.texts):
            return None
        rows = [self.texts[row] for row in chosen]
        if draws is None:
            return tuple(tuple(text for _, text in row) for row in rows)
        chances = uniform(draws, "texts", 2)
        return tuple(drawn_text(row, *map(float, pair)) for row, pair in zip(rows, chances, strict=True))


def in_colour(pictures: Picture) -> Picture:
    """(..., 1 or 3, H, W) -> (..., 3, H, W)."""
    return pictures if pictures.shape[-3] == 3 else np.repeat(pictures, 3, axis=-3)


def drawn_text(texts: Sequence[Text], group_chance: float, text_chance: float) -> tuple[str, ...]:
    """One text: a group of sources among those that the object has, then one of its texts.

    None where there is none, or all were rejected.

    Args:
        texts: of one object.
        group_chance: in [0, 1), decides the group.
        text_chance: in [0, 1), decides the text.
    """
    groups = [[text for source, text in texts if source in group] for group in _DRAWN]
    groups = [group for group in groups if group]
    if not groups:
        return ()
    group = groups[int(group_chance * len(groups))]
    return (group[int(text_chance * len(group))],)
