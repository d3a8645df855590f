"""k nearest neighbours in batches of dense clouds: exact, deterministic, bounded in memory.

Squared distances come from one matrix product per block of queries. The smallest are then found in two
steps: the minima of small groups of columns name the few groups that can hold a neighbour, and only those
are searched; on a CPU that is twice as fast as `torch.topk` over whole rows.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_BLOCK = {"cpu": 1 << 22, "cuda": 1 << 27}
"""Distances held at once, by device type."""
_ALIGNMENT = 16
"""Columns are padded to a multiple of this, so that they divide into groups."""


@torch.no_grad()
def k_nearest(
    query: Tensor,
    reference: Tensor,
    neighbours: int,
    *,
    valid: Tensor | None = None,
    block: int | None = None,
) -> Tensor:
    """Indices of the nearest reference points of each query point, nearest first.

    A cloud asked about itself counts every point as its own neighbour. Equal distances are ordered by the
    lower index. With fewer than `neighbours` reference points K is N; where a mask leaves fewer than K, the
    nearest one is repeated, which changes no maximum over neighbours.

    Args:
        query: (B, M, C) points; computed in float32 whatever the type.
        reference: (B, N, C) points to choose from.
        neighbours: K >= 1, clamped to N.
        valid: (B, N) bool, False for padding rows of `reference`, which are never chosen.
        block: distances held in memory at once; by default chosen for the device.

    Returns:
        (B, M, K) int64 rows of `reference`, K = min(neighbours, N).
    """
    _check(query, reference, neighbours, valid)
    columns = reference.shape[1]
    count = min(neighbours, columns)
    with torch.autocast(query.device.type, enabled=False):
        query, reference, offset = _prepare(query.float(), reference.float(), valid)
        limit = block or _BLOCK.get(query.device.type, 1 << 22)
        clouds = max(1, limit // max(1, query.shape[1] * columns))
        rows = max(1, limit // columns)
        blocks = [
            _nearest(part, reference[start : start + clouds], offset[start : start + clouds], count)
            for start in range(0, len(query), clouds)
            for part in torch.split(query[start : start + clouds], rows, dim=1)
        ]
    flat = torch.cat([part.flatten(0, 1) for part in blocks]) if blocks else offset.new_zeros(0, count).long()
    return flat.view(*query.shape[:2], count).clamp_(max=columns - 1)  # beyond only where nothing is valid


def _prepare(query: Tensor, reference: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Both clouds around their middle, where the expanded square cancels least; |r|^2, inf for never.

    The middle is the mean rounded to an eighth of the cloud's size, so coordinates on a lattice stay on one
    and their equal distances stay equal.
    """
    if valid is None:
        mean = reference.mean(dim=1, keepdim=True)
    else:
        reference = reference.masked_fill(~valid[..., None], 0.0)
        count = valid.sum(dim=1).clamp(min=1)[:, None, None]
        mean = reference.sum(dim=1, keepdim=True) / count
        reference = torch.where(valid[..., None], reference, mean)
    size = (reference - mean).abs().amax(dim=(1, 2), keepdim=True).clamp(min=1e-20)
    step = torch.ldexp(torch.ones_like(size), torch.frexp(size).exponent - 3)
    middle = (mean / step).round() * step
    query, reference = query - middle, reference - middle
    offset = reference.square().sum(dim=2)  # (B, N)
    if valid is not None:
        offset = offset.masked_fill(~valid, float("inf"))
    padding = -reference.shape[1] % _ALIGNMENT
    reference = nn.functional.pad(reference, (0, 0, 0, padding))
    return query, reference, nn.functional.pad(offset, (0, padding), value=float("inf"))


def _nearest(query: Tensor, reference: Tensor, offset: Tensor, count: int) -> Tensor:
    """|q - r|^2 without its constant |q|^2, and the `count` smallest of each row."""
    distance = torch.baddbmm(offset[:, None, :], query, reference.transpose(1, 2), alpha=-2.0)  # (B, M, N)
    rows = distance.flatten(0, 1)
    value, index = _smallest(rows, min(count + 1, rows.shape[1]))
    index = _order_ties(rows, value, index, count)
    value = rows.gather(1, index)
    index = torch.where(value.isinf(), index[:, :1], index)
    return index.view(*distance.shape[:2], count)


def _smallest(rows: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """`torch.topk` of the smallest; the (count + 1)-th group minimum bounds the count-th value from above."""
    columns = rows.shape[1]
    size = min(_ALIGNMENT, 1 << ((columns // count).bit_length() // 2))  # about sqrt(N / count)
    if rows.device.type != "cpu" or size < 2:
        value, index = rows.topk(count, largest=False)
        return value, index
    grouped = rows.view(-1, size, columns // size)  # column c belongs to group c mod (N / size)
    group = grouped.amin(dim=1).topk(count, largest=False, sorted=False).indices  # (R, count)
    candidates = grouped.gather(2, group[:, None, :].expand(-1, size, -1)).flatten(1)
    value, place = candidates.topk(count, largest=False)
    index = group.gather(1, place % count) + (place // count) * (columns // size)
    return value, index


def _order_ties(rows: Tensor, value: Tensor, index: Tensor, count: int) -> Tensor:
    """The first `count` of each row under (distance, index); only rows with equal values cost anything."""
    same = (value[:, 1:] == value[:, :-1]) & value[:, 1:].isfinite()
    if not same.any():
        return index[:, :count]
    index = index.clone()
    if value.shape[1] > count:
        torn = same[:, count - 1].nonzero().squeeze(1)  # the last place is contested: look at the whole row
        everything = torch.arange(rows.shape[1], device=rows.device).expand(len(torn), -1)
        chosen = _keys(rows[torn], everything).topk(count, dim=1, largest=False).indices
        index[torn, :count] = chosen.sort(dim=1).values
        value = rows.gather(1, index)
    index, value = index[:, :count], value[:, :count]
    tied = same[:, : max(1, count)].any(dim=1).nonzero().squeeze(1)
    order = _keys(value[tied], index[tied]).argsort(dim=1)
    index[tied] = index[tied].gather(1, order)
    return index


def _keys(value: Tensor, index: Tensor) -> Tensor:
    """int64 numbers that sort as (value, index) pairs do."""
    bits = (value + 0.0).view(torch.int32).long()  # + 0.0 turns -0.0 into 0.0
    ordered = torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits)
    return ordered * (1 << 32) + index


def _check(query: Tensor, reference: Tensor, neighbours: int, valid: Tensor | None) -> None:
    if neighbours < 1:
        raise ValueError(f"neighbours must be >= 1, got {neighbours}")
    if query.ndim != 3 or reference.ndim != 3 or query.shape[::2] != reference.shape[::2]:
        raise ValueError(
            f"query and reference must be (B, M, C) and (B, N, C), "
            f"got {tuple(query.shape)} and {tuple(reference.shape)}"
        )
    if reference.shape[1] == 0:
        raise ValueError("reference has no points (N = 0); at least 1 is needed to have a neighbour")
    if valid is not None and valid.shape != reference.shape[:2]:
        raise ValueError(f"valid must be {tuple(reference.shape[:2])}, got {tuple(valid.shape)}")
