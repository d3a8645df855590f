"""Chamfer distances between clouds: the mean distance to the nearest point of the other one, both ways.

L1 takes roots, L2 squares, as in ACT (Dong et al., 2023, section 3) and the point autoencoders before it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from anaglyph.ops.backends import Backend
from anaglyph.ops.nearest import nearest_point


def chamfer_l1(
    first: Tensor,
    second: Tensor,
    *,
    first_valid: Tensor | None = None,
    second_valid: Tensor | None = None,
    backend: Backend = "auto",
) -> Tensor:
    """1/2 [ mean_a min_b |a - b| + mean_b min_a |a - b| ] of every pair of clouds.

    The gradient of a distance of exactly 0 is 0.

    Args:
        first: (B, N, 3) points a.
        second: (B, M, 3) points b.
        first_valid: (B, N) bool, False for padding rows; the means are over valid points.
        second_valid: (B, M) bool, likewise.
        backend: implementation of the search; "auto" takes the fastest one installed.

    Returns:
        (B,) in the unit of the points, with gradients to both clouds.
    """
    there, back = _both_ways(first, second, first_valid, second_valid, backend)
    return (_mean(_root(there), first_valid) + _mean(_root(back), second_valid)) / 2


def chamfer_l2(
    first: Tensor,
    second: Tensor,
    *,
    first_valid: Tensor | None = None,
    second_valid: Tensor | None = None,
    backend: Backend = "auto",
) -> Tensor:
    """mean_a min_b |a - b|^2 + mean_b min_a |a - b|^2 of every pair of clouds; arguments as `chamfer_l1`."""
    there, back = _both_ways(first, second, first_valid, second_valid, backend)
    return _mean(there, first_valid) + _mean(back, second_valid)


def _both_ways(
    first: Tensor,
    second: Tensor,
    first_valid: Tensor | None,
    second_valid: Tensor | None,
    backend: Backend,
) -> tuple[Tensor, Tensor]:
    """(B, N) and (B, M) squared distances to the nearest point of the other cloud."""
    first, second = _without_padding(first, first_valid), _without_padding(second, second_valid)
    there, _ = nearest_point(first, second, second_valid=second_valid, backend=backend)
    back, _ = nearest_point(second, first, second_valid=first_valid, backend=backend)
    return there, back


def _without_padding(points: Tensor, valid: Tensor | None) -> Tensor:
    """Padding rows may hold anything and are asked like the others; 0 makes that harmless."""
    if valid is None:
        return points
    if valid.shape != points.shape[:2] or valid.dtype != torch.bool:
        raise ValueError(
            f"valid must be bool {tuple(points.shape[:2])}, got {valid.dtype} {tuple(valid.shape)}"
        )
    return points.masked_fill(~valid[..., None], 0.0)


def _root(square: Tensor) -> Tensor:
    """A root with gradient 0 at 0, where autograd would make 0 times infinity."""
    positive = square > 0
    return torch.where(positive, square, 1.0).sqrt() * positive


def _mean(values: Tensor, valid: Tensor | None) -> Tensor:
    if valid is None:
        return values.mean(dim=1)
    return values.masked_fill(~valid, 0.0).sum(dim=1) / valid.sum(dim=1)
