"""What a student says of the parts it was not shown (dossier CrossMoST, 1.6; after SimMIM and MUST).

    reconstruction:  sum of |prediction - target| over masked places  /  how many numbers those are
    points:          Chamfer distance, squares, of a masked patch's points,  mean over masked patches
    local:           || norm(a) - norm(b) ||^2 of a masked token and its whole,  mean over masked tokens

The mean is over all masked places of a batch, not over rows, so rows return their sums and counts, (B,) each,
which may come from several processes before `mean_of_sums` divides.
"""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from anaglyph.losses.reduction import at_least_float32
from anaglyph.ops.chamfer import chamfer_l2


class RowSums(NamedTuple):
    """What each row adds to a mean over masked places."""

    total: Tensor
    """(B,) with a gradient."""
    counted: Tensor
    """(B,) what it is divided by."""


def absolute_differences(prediction: Tensor, target: Tensor, masked: Tensor) -> RowSums:
    """|prediction - target| where `masked`.

    Args:
        prediction: (B, T, D), D numbers at each of T places.
        target: (B, T, D); it gets no gradient.
        masked: (B, T) bool.
    """
    _check(prediction, target, masked)
    weight = masked[..., None]
    apart = (at_least_float32(prediction) - at_least_float32(target.detach())).abs()
    # A place that is not masked may hold anything, also what is not finite.
    total = apart.masked_fill(~weight, 0.0).sum(dim=(1, 2))
    return RowSums(total, masked.sum(dim=1).to(total.dtype) * prediction.shape[2])


def apart_from_whole(local: Tensor, whole: Tensor, masked: Tensor) -> RowSums:
    """Squared distance of masked tokens from their whole, both at length 1; gradients flow into both.

    Args:
        local: (B, T, D) tokens.
        whole: (B, D) vector of the picture or the cloud.
        masked: (B, T) bool.
    """
    _check(local, local, masked)
    if whole.shape != (len(local), local.shape[2]):
        raise ValueError(f"whole must be {(len(local), local.shape[2])}, got {tuple(whole.shape)}")
    near = F.normalize(at_least_float32(local), dim=2)
    squared = (near - F.normalize(at_least_float32(whole), dim=1)[:, None]).pow(2).sum(dim=2)  # (B, T)
    total = squared.masked_fill(~masked, 0.0).sum(dim=1)
    return RowSums(total, masked.sum(dim=1).to(total.dtype))


def apart_from_points(prediction: Tensor, target: Tensor, masked: Tensor) -> RowSums:
    """Squared Chamfer distance of the points of masked patches, `ops.chamfer.chamfer_l2`.

    Args:
        prediction: (B, T, M, 3), M points of each of T patches.
        target: (B, T, K, 3); it gets no gradient.
        masked: (B, T) bool.
    """
    if prediction.ndim != 4 or target.ndim != 4:
        raise ValueError(
            f"patches must be (B, T, M, 3) and (B, T, K, 3), got {tuple(prediction.shape)} and "
            f"{tuple(target.shape)}"
        )
    _check(prediction[:, :, 0], target[:, :, 0], masked)
    rest = ~masked[..., None, None]  # may hold anything
    made = at_least_float32(prediction).masked_fill(rest, 0.0).flatten(0, 1)
    true = at_least_float32(target.detach()).masked_fill(rest, 0.0).flatten(0, 1)
    # Thousands of patches of 32 points: one product is faster than a tree for each.
    apart = chamfer_l2(made, true, backend="torch").reshape(masked.shape)
    total = apart.masked_fill(~masked, 0.0).sum(dim=1)
    return RowSums(total, masked.sum(dim=1).to(total.dtype))


def mean_of_sums(total: Tensor, counted: Tensor) -> Tensor:
    """The mean over all that was counted; 0 with a gradient where nothing was."""
    if total.shape != counted.shape:
        raise ValueError(f"totals {tuple(total.shape)} and counts {tuple(counted.shape)} must be alike")
    return total.sum() / counted.sum().clamp(min=1)


def _check(first: Tensor, second: Tensor, masked: Tensor) -> None:
    if first.ndim != 3 or first.shape != second.shape or masked.shape != first.shape[:2]:
        raise ValueError(
            f"places must be (B, T, D) twice and (B, T) masked, got {tuple(first.shape)}, "
            f"{tuple(second.shape)} and {tuple(masked.shape)}"
        )
