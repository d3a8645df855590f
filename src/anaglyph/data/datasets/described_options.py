"""What the data sets of described 3D models have in common: how they are pictured, sampled and handed out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anaglyph.data.datasets.modelnet import VIEW_IMAGES
from anaglyph.data.transforms.image import ImageAugmentation
from anaglyph.data.transforms.points import PointAugmentation
from anaglyph.errors import ConfigError
from anaglyph.geometry.cameras import view_cameras

STANDING_POINTS = PointAugmentation(rotation=180.0, rotation_axis="y", scale=(0.8, 1.25), shift=0.1)
"""Any turn about the up axis, with MixCon3D's scale and shift."""


@dataclass(frozen=True, kw_only=True)
class DescribedOptions:
    """Options of views, clouds and augmentation."""

    views: str = "ring12"
    """Cameras of the rendered pictures."""
    size: int = 96
    """Side of views and thumbnails in pixels."""
    views_per_object: int = 1
    """Different random views of each object in a training batch; 0 is all."""
    thumbnail_share: float = 0.0
    """Probability that an object's thumbnail takes the place of the first of them."""
    stored_points: int = 2048
    """Points sampled of each surface, with colours."""
    points: int = 1024
    """Random ones of them in a training batch; 0 is all."""
    image_augmentation: ImageAugmentation = VIEW_IMAGES
    point_augmentation: PointAugmentation = STANDING_POINTS

    def __post_init__(self) -> None:
        cameras = len(view_cameras(self.views))
        if not 0 <= self.views_per_object <= cameras or not 0.0 <= self.thumbnail_share <= 1.0:
            raise ConfigError(
                f"views_per_object={self.views_per_object} must lie in 0 to {cameras}, the views of "
                f"'{self.views}', and thumbnail_share={self.thumbnail_share} in 0 to 1."
            )
        if self.size < 8 or not 0 <= self.points <= self.stored_points or self.stored_points < 1:
            raise ConfigError(
                f"size={self.size} must be >= 8, stored_points={self.stored_points} >= 1 and "
                f"points={self.points} from 0 to stored_points."
            )


def handed_out(options: DescribedOptions, *, seed: int) -> dict[str, Any]:
    """The fields of `DescribedObjects` that say how objects are drawn and augmented."""
    return {
        "views_per_object": options.views_per_object,
        "thumbnail_share": options.thumbnail_share,
        "points_per_object": options.points,
        "image_augmentation": options.image_augmentation,
        "point_augmentation": options.point_augmentation,
        "seed": seed,
    }
