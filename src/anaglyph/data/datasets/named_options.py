"""What the data sets of clouds with pictures and class names share: those that CrossMoST learns from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.class_lists import ClassList
from anaglyph.data.datasets.described_options import STANDING_POINTS
from anaglyph.data.datasets.modelnet import VIEW_IMAGES
from anaglyph.data.described import DescribedObjects
from anaglyph.data.transforms.image import ImageAugmentation
from anaglyph.data.transforms.points import PointAugmentation
from anaglyph.errors import ConfigError

ClassWords = Literal["official", "cleaned"]


@dataclass(frozen=True, kw_only=True)
class NamedOptions:
    """Options of pictures, clouds, class names and augmentation."""

    class_words: ClassWords = "cleaned"
    """Class names as a person writes them ("night stand"), or as published ("night_stand")."""
    size: int = 96
    """Side of the pictures in pixels."""
    views_per_object: int = 1
    """Different random pictures of each object in a training batch; 0 is all."""
    test_views: int = 0
    """Pictures of each object in the validation and the test split, evenly spread and always the same; 0 is
    all. CrossMoST's release draws one anew in each evaluation, which makes its accuracy a random number."""
    stored_points: int = 1024
    """Points kept of each cloud."""
    points: int = 0
    """Random ones of them in a training batch; 0 is all."""
    validation_fraction: float = 0.1
    """Part of the published training split that is the validation split, by a hash of the keys: no label is
    looked at."""
    image_augmentation: ImageAugmentation = VIEW_IMAGES
    point_augmentation: PointAugmentation = STANDING_POINTS

    def __post_init__(self) -> None:
        if not 0 <= self.points <= self.stored_points or self.stored_points < 1:
            raise ConfigError(
                f"points={self.points} must lie in 0 to stored_points={self.stored_points}, which is >= 1."
            )
        if self.size < 8 or self.views_per_object < 0 or self.test_views < 0:
            raise ConfigError(
                f"size={self.size} must be >= 8, views_per_object={self.views_per_object} and "
                f"test_views={self.test_views} >= 0."
            )


def named_objects(
    options: NamedOptions,
    *,
    keys: tuple[str, ...],
    labels: NDArray[np.int64],
    classes: ClassList,
    points: NDArray[np.floating[Any]],
    pictures: NDArray[np.uint8] | None,
    training: bool,
    seed: int,
) -> DescribedObjects:
    """A split of clouds (N, P, 3) and pictures (N, V, 1 or 3, size, size) under class names, no texts."""
    if pictures is not None and not training and options.test_views:
        pictures = pictures[:, spread(pictures.shape[1], options.test_views)]
    return DescribedObjects(
        keys=keys,
        class_names=classes.words if options.class_words == "cleaned" else classes.official,
        labels=labels,
        points=points,
        pictures=pictures,
        thumbnails=(None,) * len(keys),
        texts=((),) * len(keys),
        points_per_object=options.points,
        views_per_object=options.views_per_object if training and pictures is not None else 0,
        image_augmentation=options.image_augmentation,
        point_augmentation=options.point_augmentation,
        seed=seed,
    )


def spread(there: int, count: int) -> NDArray[np.int64]:
    """(count,) places of `there` pictures, evenly spread; ConfigError for more than there are."""
    if count > there:
        raise ConfigError(f"test_views={count} pictures of each object are asked for; {there} exist.")
    return np.arange(count) * there // count
