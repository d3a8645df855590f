"""The nearest point of another cloud and its squared distance, with exact gradients to both clouds."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from anaglyph.ops.backends import Backend, find_kernel
from anaglyph.ops.coordinates import distance_blocks, require_cloud, require_same, require_xyz
from anaglyph.ops.eager import eager
from anaglyph.ops.gather import gather_points


@eager
def nearest_point(
    first: Tensor, second: Tensor, *, second_valid: Tensor | None = None, backend: Backend = "auto"
) -> tuple[Tensor, Tensor]:
    """For every point of `first` the nearest one of `second`, the lowest row among equals.

    The gradient of |a - b|^2 is 2 (a - b) for a and its negative for b, summed in a fixed order; which point
    is the nearest counts as given.

    Args:
        first: (B, N, 3).
        second: (B, M, 3).
        second_valid: (B, M) bool, False for padding rows of `second`, which are never chosen.
        backend: implementation; "auto" takes the fastest one installed.

    Returns:
        (B, N) squared distances, float32 (float64 for float64 clouds), and (B, N) int64 rows of `second`.
    """
    require_xyz(first, "first")
    require_xyz(second, "second")
    query, _ = require_cloud(first, None, name="first", empty=True)
    reference, _ = require_cloud(second, second_valid, name="second")
    query, reference = require_same(query, reference)
    kernel = find_kernel("nearest_point", query, reference, backend) or _nearest_one
    with torch.no_grad():
        distance, index = kernel(query, reference, second_valid)
    if torch.is_grad_enabled() and (first.requires_grad or second.requires_grad):
        distance = _SquaredDistance.apply(first, second, query, reference, distance, index)  # type: ignore[no-untyped-call]
    return distance, index


class _SquaredDistance(torch.autograd.Function):
    """Gives a distance that is already known its gradients."""

    @staticmethod
    def forward(
        ctx: Any,
        first: Tensor,
        second: Tensor,
        query: Tensor,
        reference: Tensor,
        distance: Tensor,
        index: Tensor,
    ) -> Tensor:
        ctx.save_for_backward(query, reference, index)
        ctx.types = (first.dtype, second.dtype)
        return distance.view_as(distance)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        query, reference, index = ctx.saved_tensors
        flow = 2.0 * gradient[..., None] * (query - gather_points(reference, index))  # (B, N, 3)
        first = flow.to(ctx.types[0]) if ctx.needs_input_grad[0] else None
        second = None
        if ctx.needs_input_grad[1]:
            second = -_sum_by_row(flow, index, reference.shape[1]).to(ctx.types[1])
        return first, second, None, None, None, None


def _sum_by_row(values: Tensor, index: Tensor, rows: int) -> Tensor:
    """(B, N, 3) values added into those of (B, rows, 3) that `index` (B, N) names, in a fixed order."""
    if values.device.type == "cpu":
        target = index[..., None].expand_as(values)
        return values.new_zeros(len(values), rows, 3).scatter_add_(1, target, values)
    clouds = torch.arange(len(values), device=index.device)[:, None].expand_as(index)
    return values.new_zeros(len(values), rows, 3).index_put_((clouds, index), values, accumulate=True)


def _nearest_one(first: Tensor, second: Tensor, second_valid: Tensor | None) -> tuple[Tensor, Tensor]:
    value = first.new_empty(first.shape[:2])
    index = torch.empty(first.shape[:2], dtype=torch.int64, device=first.device)
    for clouds, rows, distance in distance_blocks(first, second, second_valid):
        smallest = distance.min(dim=2)
        value[clouds, rows], index[clouds, rows] = smallest.values, smallest.indices
    return value, index
