"""Maximum and sum over the neighbours of each point, without the (B, M, K, C) tensor of all neighbours.

The maximum gathers in blocks that stay in the processor's cache and keeps one byte per result: which
neighbour won. The sum is a native embedding bag, and its gradient is the same over the reversed edges.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from anaglyph.ops.gather import flat_rows

_BLOCK = {"cpu": 1 << 22, "cuda": 1 << 27}
"""Gathered numbers held at once, by device type."""


def neighbour_max(values: Tensor, index: Tensor) -> Tensor:
    """(B, N, C) values, (B, M, K) rows -> (B, M, C) largest value of each channel among the K rows.

    The gradient goes to the first neighbour that attains the maximum.
    """
    flat = flat_rows(values, index)
    result: Tensor = _NeighbourMax.apply(values.flatten(0, 1), flat)  # type: ignore[no-untyped-call]
    return result.view(*index.shape[:2], -1)


def neighbour_sum(values: Tensor, index: Tensor) -> Tensor:
    """(B, N, C) values, (B, M, K) rows -> (B, M, C) sum over the K rows."""
    flat = flat_rows(values, index)
    result: Tensor = _NeighbourSum.apply(values.flatten(0, 1), flat)  # type: ignore[no-untyped-call]
    return result.view(*index.shape[:2], -1)


class _NeighbourMax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, index: Tensor) -> Tensor:
        winners = ctx.needs_input_grad[0]
        rows, neighbours = index.shape
        kind = torch.uint8 if neighbours <= 255 else torch.int16
        rank = torch.arange(neighbours, 0, -1, dtype=kind, device=values.device)[:, None]  # first is largest
        result = values.new_empty(rows, values.shape[1])
        place = torch.empty(result.shape, dtype=kind, device=values.device) if winners else None
        limit = _BLOCK.get(values.device.type, 1 << 22)
        step = max(1, limit // max(1, neighbours * values.shape[1]))
        for start in range(0, rows, step):
            part = index[start : start + step]
            gathered = values.index_select(0, part.flatten()).view(*part.shape, -1)  # (step, K, C)
            best = gathered.amax(dim=1)
            result[start : start + step] = best
            if place is not None:
                attains = (gathered == best[:, None]).view(torch.uint8)  # bool as 0 and 1, in place
                place[start : start + step] = (attains * rank).amax(dim=1)
        if place is not None:
            ctx.save_for_backward(index, place)
            ctx.rows = len(values)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, None]:
        index, place = ctx.saved_tensors
        backwards = torch.cat(
            [index[:, :1], index.flip(1)], dim=1
        )  # place K is the first neighbour, 1 the last
        winner = backwards.gather(1, place.long())  # (rows, C)
        result = gradient.new_zeros(ctx.rows, gradient.shape[1])
        return result.scatter_add_(0, winner, gradient), None


class _NeighbourSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, index: Tensor) -> Tensor:
        ctx.save_for_backward(index)
        ctx.rows = len(values)
        return F.embedding_bag(index, values, mode="sum")

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (index,) = ctx.saved_tensors
        order = index.flatten().argsort(stable=True)  # edges by the row that they read
        reads = torch.bincount(index.flatten(), minlength=ctx.rows)
        source = order // index.shape[1]
        offsets = reads.cumsum(0) - reads
        return F.embedding_bag(source, gradient.contiguous(), offsets, mode="sum"), None
