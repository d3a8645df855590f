"""The K smallest numbers of each row, the lower index first among equals.

On a CPU the minima of small groups of columns name the few groups that can hold one of them, and only those
are searched: twice as fast as `torch.topk` over whole rows.
"""

from __future__ import annotations

from torch import Tensor

ALIGNMENT = 16
"""Rows of a length that is a multiple of this divide into groups."""


def smallest(rows: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """(R, N) rows without NaN -> (R, count) values in ascending order and their (R, count) columns.

    Infinite values are in no particular order.
    """
    value, index = _top(rows, min(count + 1, rows.shape[1]))
    index = _order_ties(rows, value, index, count)
    return rows.gather(1, index), index


def _top(rows: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """`torch.topk` of the smallest; the (count + 1)-th group minimum bounds the count-th value from above."""
    columns = rows.shape[1]
    size = _group_size(columns, count)
    if rows.device.type != "cpu" or size < 2 or columns % size:
        value, index = rows.topk(count, largest=False)
        return value, index
    grouped = rows.view(-1, size, columns // size)  # column c belongs to group c mod (N / size)
    group = grouped.amin(dim=1).topk(count, largest=False, sorted=False).indices  # (R, count)
    candidates = grouped.gather(2, group[:, None, :].expand(-1, size, -1)).flatten(1)
    value, place = candidates.topk(count, largest=False)
    index = group.gather(1, place % count) + (place // count) * (columns // size)
    return value, index


def _group_size(columns: int, count: int) -> int:
    """A power of 2: about sqrt(N / count), or what leaves `torch.topk` 64 count columns for its heap."""
    if count <= 16 and columns >= 64 * count:
        return min(ALIGNMENT, 1 << ((columns // (64 * count)).bit_length() - 1))
    return min(ALIGNMENT, 1 << ((columns // count).bit_length() // 2))


def _order_ties(rows: Tensor, value: Tensor, index: Tensor, count: int) -> Tensor:
    """The first `count` of each row under (value, index); only rows with equal values cost anything."""
    same = (value[:, 1:] == value[:, :-1]) & value[:, 1:].isfinite()
    if not same.any():
        return index[:, :count]
    index = index.clone()
    if value.shape[1] > count:
        torn = same[:, count - 1].nonzero().squeeze(1)  # the last place is contested: look at the whole row
        index[torn, :count] = _first_by_index(rows[torn], value[torn, count - 1 : count], count)
        value = rows.gather(1, index)
    index, value = index[:, :count], value[:, :count]
    tied = same[:, : max(1, count)].any(dim=1).nonzero().squeeze(1)
    by_index = index[tied].sort(dim=1).values
    order = rows[tied].gather(1, by_index).argsort(dim=1, stable=True)
    index[tied] = by_index.gather(1, order)
    return index


def _first_by_index(rows: Tensor, last: Tensor, count: int) -> Tensor:
    """(R, count) columns, in any order: all below the value `last`, then the first of those equal to it."""
    below = rows < last
    equal = rows == last
    room = count - below.sum(dim=1, keepdim=True)
    chosen = below | (equal & (equal.cumsum(dim=1) <= room))  # exactly `count` of each row
    return chosen.nonzero()[:, 1].view(-1, count)
