"""Weak and strong changes to pictures, a whole batch at once: a random part, mirrored, then RandAugment."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from anaglyph.data.transforms.joint import cut_grid, random_cut
from anaglyph.data.transforms.rand_augment import RandAugment, rand_augment
from anaglyph.data.transforms.ranges import Range, Rows, check_amount, check_range
from anaglyph.errors import ConfigError
from anaglyph.randomness import uniform

_WHOLE: Range = (1.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class PictureChanges:
    """Random changes to a picture; the defaults change nothing."""

    area: Range = _WHOLE
    """Part of the picture's area that is cut out and enlarged again."""
    aspect: Range = (3 / 4, 4 / 3)
    """Width over height of that part, drawn evenly in its logarithm; not read while all of it is taken."""
    flip: float = 0.0
    """Probability of mirroring left and right."""
    rand_augment: RandAugment = field(default_factory=RandAugment)
    background: float = 1.0
    """Value beyond the border: 1 for renderings on white."""

    def __post_init__(self) -> None:
        check_range("picture area", self.area, above=0.0)
        check_range("picture aspect", self.aspect, above=0.0)
        if self.area[1] > 1.0:
            raise ConfigError(f"picture area is {self.area}; it is part of the picture, at most 1.")
        for name in ("flip", "background"):
            check_amount(f"picture {name}", getattr(self, name), below=1.0)


def change_pictures(images: Tensor, config: PictureChanges, rows: Rows) -> Tensor:
    """(B, V, C, H, W) in [0, 1] -> the same; every view is changed by itself."""
    count, (height, width) = images.shape[1], images.shape[3:]
    if config.area != _WHOLE or config.flip:
        aspect = config.aspect if config.area != _WHOLE else (width / height,) * 2
        half, centre = random_cut(rows, "picture", config.area, aspect, (height, width), (count,))
        mirrored = uniform(rows, "picture/flip", count) < config.flip
        half = half * np.stack([np.where(mirrored, -1, 1), np.ones_like(mirrored, dtype=int)], axis=-1)
        grid = cut_grid(half.reshape(-1, 2).astype(np.float32), centre.reshape(-1, 2), (height, width))
        flat = images.flatten(0, 1) - config.background
        moved = F.grid_sample(flat, grid, padding_mode="zeros", align_corners=False) + config.background
        images = moved.clamp(0.0, 1.0).reshape(images.shape)
    return rand_augment(images, config.rand_augment, rows, background=config.background)
