"""The kind of object that part segmentation is told beside the points."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from anaglyph.errors import DataError
from anaglyph.ops.eager import eager


def one_hot_category(category: Tensor | None, categories: int | None, *, clouds: int) -> Tensor | None:
    """(B, categories) float32 with a single 1 per cloud; None for networks without categories.

    Args:
        category: (B,) int64 in [0, categories), or None.
        categories: how many the network was built for, or None.
        clouds: B.

    Raises:
        ValueError: a category where there should be none, none where there should be one, or a wrong shape.
        DataError: a number out of range.
    """
    if (category is None) != (categories is None):
        wish = "takes no category" if categories is None else "needs the category of every cloud"
        raise ValueError(f"this network {wish}; it was built with categories={categories}")
    if category is None or categories is None:
        return None
    if category.shape != (clouds,) or category.dtype != torch.int64:
        raise ValueError(f"category must be int64 ({clouds},), got {category.dtype} {tuple(category.shape)}")
    _require_range(category, categories)
    return F.one_hot(category, categories).float()


@eager
def _require_range(category: Tensor, categories: int) -> None:
    """A look at the numbers, which a compiled network takes as well."""
    low, high = (int(value) for value in torch.aminmax(category))
    if low < 0 or high >= categories:
        raise DataError(
            f"categories must be 0 to {categories - 1}, got {low if low < 0 else high}; "
            f"check the order of the classes in the data set"
        )


def clouds_of_rows(points: Tensor, valid: Tensor | None) -> Tensor:
    """(R,) the cloud of every valid row of (B, N, C) points, in order."""
    cloud = torch.arange(len(points), device=points.device).repeat_interleave(points.shape[1])
    return cloud if valid is None else cloud[valid.flatten()]
