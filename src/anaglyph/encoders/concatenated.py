"""Clouds of different sizes in one long array, the layout of sparse convolutions, and the way back.

points  (T, C)      all points of all clouds, cloud after cloud
batch   (T,)        the cloud of each point: 0, 0, ..., 1, 1, ...
offsets (B + 1,)    where each cloud begins, and T at the end
"""

from __future__ import annotations

import torch
from torch import Tensor

from anaglyph.errors import DataError


def pad_clouds(points: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
    """(T, C) points, (T,) int64 cloud of each -> (B, N, C) with zeros after the end, (B, N) bool `valid`.

    The order within a cloud stays.

    Raises:
        ValueError: shapes or types that do not fit.
        DataError: no points at all, clouds that are not in ascending order, or one without a point.
    """
    if points.ndim != 2 or batch.shape != points.shape[:1] or batch.dtype not in (torch.int64, torch.int32):
        raise ValueError(
            f"points must be (T, C) and batch (T,) of int64, got {tuple(points.shape)} and {batch.dtype} "
            f"{tuple(batch.shape)}"
        )
    if len(points) == 0:
        raise DataError("the concatenated clouds have no points (T = 0); at least 1 is needed")
    batch = batch.long()
    steps = batch.diff(prepend=batch.new_full((1,), -1))
    if bool((steps < 0).any()):
        place = int((steps < 0).nonzero()[0, 0])
        before = int(batch[place]) - int(steps[place])
        raise DataError(
            f"the clouds are not in order: row {place} is of cloud {int(batch[place])}, the row before it "
            f"of cloud {before}; sort the points by cloud"
        )
    if bool((steps > 1).any()):
        place = int((steps > 1).nonzero()[0, 0])
        raise DataError(
            f"cloud {int(batch[place]) - 1} of the batch has no points; remove it and number again"
        )
    count = torch.bincount(batch)
    row = torch.arange(len(points), device=points.device) - (count.cumsum(0) - count)[batch]
    padded = points.new_zeros(len(count), int(count.max()), points.shape[1]).index_put((batch, row), points)
    valid = torch.arange(padded.shape[1], device=points.device) < count[:, None]
    return padded, valid


def batch_of_offsets(offsets: Tensor) -> Tensor:
    """(B + 1,) int64 from 0 to T -> (T,) int64 cloud of each point.

    Raises:
        ValueError: not a row of int64 that begins with 0.
        DataError: a cloud without a point, or offsets that go down.
    """
    if offsets.ndim != 1 or len(offsets) < 2 or offsets.dtype not in (torch.int64, torch.int32):
        raise ValueError(f"offsets must be (B + 1,) of int64, got {offsets.dtype} {tuple(offsets.shape)}")
    if int(offsets[0]) != 0:
        raise ValueError(f"offsets must begin with 0 and end with T, got {int(offsets[0])} at the start")
    sizes = offsets.long().diff()
    if bool((sizes < 1).any()):
        cloud = int((sizes < 1).nonzero()[0, 0])
        raise DataError(
            f"cloud {cloud} of the batch has {int(sizes[cloud])} points by its offsets; at least 1 is needed"
        )
    return torch.repeat_interleave(torch.arange(len(sizes), device=offsets.device), sizes)
