"""k nearest neighbours on a GPU, exact, without sorting what is not a neighbour.

The points are shared out to S = 16 K slots, and one pass keeps the smallest distance of each slot. The K-th
smallest of these, taken over 4 K groups of slots, bounds the K-th distance from above, and closely: about
1.2 K points are within it. They can only be in slots whose own smallest is within it, again about 1.2 K
of the 16 K: only the points of these are looked at once more and listed. The place of a listed point
in the result is the number of those before it under (distance, row).

Where a list runs over (many equal points, or an order of the points that conspires with the slots), the
neighbours are found one by one instead, in K passes over the points.
"""

from typing import Final

import torch
import triton
import triton.language as tl
from torch import Tensor

from anaglyph.ops.triton_kernels.tiles import OPTIONS, append_hits, as_planes, on_device, squared_distance

_QUERIES: Final = 4
"""Queries of a program; a point that was loaded serves all of them."""
_MOST_LISTED: Final = 128
"""With more neighbours than these the slots leave the registers; then they are found one by one."""
_LISTS: Final = 1 << 26
"""Bytes of lists at once; more queries than these hold are served by several launches."""


def nearest(query: Tensor, reference: Tensor, neighbours: int, valid: Tensor | None) -> Tensor:
    """Rows of the nearest points of each query, nearest first, the lower row first among equals.

    Args:
        query: (B, M, 3) float32, contiguous.
        reference: (B, N, 3) float32, contiguous.
        neighbours: K.
        valid: (B, N) bool or None, False for rows that are never chosen.

    Returns:
        (B, M, K) int64; the nearest once more where there are fewer than K.
    """
    clouds, queries = query.shape[:2]
    chosen = torch.empty(clouds, queries, neighbours, dtype=torch.int64, device=query.device)
    if chosen.numel() == 0:
        return chosen
    with_lists = neighbours <= _MOST_LISTED
    places = max(32, triton.next_power_of_2(neighbours)) if with_lists else 32
    slots = 16 * places
    planes = as_planes(reference, valid, multiple=slots)
    blocks = triton.cdiv(queries, _QUERIES)
    programs = clouds * blocks
    room = _QUERIES * 2 * places  # entries of 8 + 4 bytes that a program needs
    at_once = max(1, min(programs, _LISTS // (12 * room)))
    keys = torch.empty(at_once * room if with_lists else 1, dtype=torch.int64, device=query.device)
    lists = torch.empty(keys.shape, dtype=torch.int32, device=query.device)
    with on_device(query):
        for first in range(0, programs, at_once):
            _nearest[(min(at_once, programs - first),)](
                query, planes, chosen, queries, planes.shape[2], neighbours, blocks, first, keys, lists,
                block=_QUERIES, slots=slots, places=places, with_lists=with_lists,
                num_warps=slots // 512, **OPTIONS,
            )  # fmt: skip
    return chosen


@triton.jit  # type: ignore[untyped-decorator]
def _nearest(
    query: tl.tensor,
    planes: tl.tensor,
    chosen: tl.tensor,
    queries: tl.tensor,
    rows: tl.tensor,
    neighbours: tl.tensor,
    blocks: tl.tensor,
    first: tl.tensor,
    keys: tl.tensor,
    lists: tl.tensor,
    block: tl.constexpr,
    slots: tl.constexpr,
    places: tl.constexpr,
    with_lists: tl.constexpr,
) -> None:
    program = tl.program_id(0) + first
    cloud = (program // blocks).to(tl.int64)
    number = (program % blocks) * block + tl.arange(0, block)
    wanted = number < queries
    own = cloud * queries + number
    x = tl.load(query + own * 3, mask=wanted, other=0.0)[:, None]
    y = tl.load(query + own * 3 + 1, mask=wanted, other=0.0)[:, None]
    z = tl.load(query + own * 3 + 2, mask=wanted, other=0.0)[:, None]
    planes += cloud * rows * 3
    target = chosen + own * neighbours
    if with_lists:
        room = (tl.program_id(0).to(tl.int64) * block + tl.arange(0, block)) * (2 * places)
        lists += room
        found = _list(x, y, z, planes, lists, rows, neighbours, block, slots, places)
        _rank(x, y, z, planes, lists, keys + room, found, target, wanted, rows, neighbours, block, places)
        wanted = wanted & (found > 2 * places)
    if tl.max(wanted.to(tl.int32), axis=0) > 0:
        _one_by_one(x, y, z, planes, target, wanted, rows, neighbours, block, slots // 4)


@triton.jit  # type: ignore[untyped-decorator]
def _list(
    x: tl.tensor,
    y: tl.tensor,
    z: tl.tensor,
    planes: tl.tensor,
    lists: tl.tensor,
    rows: tl.tensor,
    neighbours: tl.tensor,
    block: tl.constexpr,
    slots: tl.constexpr,
    places: tl.constexpr,
) -> tl.tensor:
    """Write the rows within a bound on the K-th distance to `lists`; (Q,) how many there are."""
    capacity: tl.constexpr = 2 * places
    slot = tl.arange(0, slots)[None, :]
    least = tl.full([block, slots], float("inf"), tl.float32)
    for tile in range(0, rows // slots):
        place = tl.max_contiguous(tl.multiple_of(_row(tile, slot, slots), [1, 4]), [1, 4])
        dx = x - tl.load(planes + place)
        dy = y - tl.load(planes + rows + place)
        dz = z - tl.load(planes + 2 * rows + place)
        # Fused here alone: what it changes, a millionth, is far below the step the bound is rounded up by.
        least = tl.minimum(least, tl.fma(dz, dz, tl.fma(dy, dy, dx * dx)))
    bound = _kth(tl.min(tl.reshape(least, [block, 4, 4 * places]), axis=1), neighbours, block)[:, None]
    owner = tl.broadcast_to(slot, [block, slots])
    listed = append_hits(least <= bound, owner, tl.zeros([block], tl.int32), lists, capacity)
    tl.debug_barrier()  # a list is read by other threads than those that wrote it
    entry = tl.arange(0, capacity)[None, :]
    usable = entry < listed[:, None]
    owner = tl.load(lists[:, None] + entry, mask=usable, other=0)
    tl.debug_barrier()  # now the same room takes the rows

    found = tl.where(listed > capacity, capacity + 1, 0)
    for begin in range(0, rows // slots, 16):
        # Hits are rare. One bit per tile first, so that the costly step is taken once per 16 tiles or twice.
        hits = tl.zeros([block, capacity], tl.int32)
        for tile in range(begin, tl.minimum(begin + 16, rows // slots)):
            place = _row(tile, owner, slots)
            bx = tl.load(planes + place)
            by = tl.load(planes + rows + place)
            bz = tl.load(planes + 2 * rows + place)
            hit = usable & (squared_distance(x, y, z, bx, by, bz) <= bound)
            hits |= hit.to(tl.int32) << (tile - begin)
        while tl.max(tl.max(hits, axis=1), axis=0) > 0:
            lowest = (hits & -hits).to(tl.float32).to(tl.int32, bitcast=True) >> 23  # 127 + number of the bit
            found = append_hits(hits > 0, _row(begin + lowest - 127, owner, slots), found, lists, capacity)
            hits &= hits - 1
    tl.debug_barrier()
    return found


@triton.jit  # type: ignore[untyped-decorator]
def _row(tile: tl.tensor, slot: tl.tensor, slots: tl.constexpr) -> tl.tensor:
    """Row of a slot in a tile: each quarter and each tile shifted, by multiples of 4 that keep loads aligned.

    Unshifted, the points above one another in a scan or a depth map would share a slot.
    """
    column = slot ^ ((slot // (slots // 4)) * 36)
    return tile * slots + ((column + tile * 148) & (slots - 1))


@triton.jit  # type: ignore[untyped-decorator]
def _kth(values: tl.tensor, neighbours: tl.tensor, block: tl.constexpr) -> tl.tensor:
    """(Q,) finite numbers that K of each row do not exceed, the smallest such up to 1.6 %, rounded up."""
    bits = values.to(tl.int32, bitcast=True) >> 16  # bits of floats that are not negative sort as they do
    low = tl.zeros([block], tl.int32)
    high = tl.full([block], 0x7F80, tl.int32)
    for _ in range(15):
        middle = (low + high) >> 1
        enough = tl.sum((bits <= middle[:, None]).to(tl.int32), axis=1) >= neighbours
        high = tl.where(enough, middle, high)
        low = tl.where(enough, low, middle + 1)
    return tl.minimum(((high + 2) << 16) - 1, 0x7F7FFFFF).to(tl.float32, bitcast=True)  # infinity is padding


@triton.jit  # type: ignore[untyped-decorator]
def _rank(
    x: tl.tensor,
    y: tl.tensor,
    z: tl.tensor,
    planes: tl.tensor,
    lists: tl.tensor,
    keys: tl.tensor,
    found: tl.tensor,
    target: tl.tensor,
    wanted: tl.tensor,
    rows: tl.tensor,
    neighbours: tl.tensor,
    block: tl.constexpr,
    places: tl.constexpr,
) -> None:
    """Write each listed row to its rank under (distance, row), and the nearest to places left over."""
    capacity: tl.constexpr = 2 * places
    entry = tl.arange(0, capacity)[None, :]
    filled = (entry < found[:, None]) & (wanted & (found <= capacity))[:, None]
    row = tl.load(lists[:, None] + entry, mask=filled, other=0)
    bx = tl.load(planes + row)
    by = tl.load(planes + rows + row)
    bz = tl.load(planes + 2 * rows + row)
    # Bits of floats that are not negative sort as the floats do.
    bits = squared_distance(x, y, z, bx, by, bz).to(tl.int32, bitcast=True).to(tl.int64)
    key = tl.where(filled, (bits << 32) | row.to(tl.int64), 0x7FFFFFFFFFFFFFFF)
    tl.store(keys[:, None] + entry, key)
    tl.debug_barrier()
    rank = tl.zeros([block, capacity], tl.int32)
    for other in range(0, tl.minimum(tl.max(found, axis=0), capacity)):
        rank += (tl.load(keys + other)[:, None] < key).to(tl.int32)
    tl.store(target[:, None] + rank, row.to(tl.int64), mask=filled & (rank < neighbours))
    nearest = tl.min(key, axis=1)[:, None] & 0xFFFFFFFF
    entry = tl.arange(0, places)[None, :]
    rest = (entry >= found[:, None]) & (entry < neighbours) & wanted[:, None]
    tl.store(target[:, None] + entry, tl.broadcast_to(nearest, [block, places]), mask=rest)


@triton.jit  # type: ignore[untyped-decorator]
def _one_by_one(
    x: tl.tensor,
    y: tl.tensor,
    z: tl.tensor,
    planes: tl.tensor,
    target: tl.tensor,
    wanted: tl.tensor,
    rows: tl.tensor,
    neighbours: tl.tensor,
    block: tl.constexpr,
    step: tl.constexpr,
) -> None:
    """K times the smallest (distance, row) after the one before: slow, and right for any points."""
    distance = tl.full([block, 1], -1.0, tl.float32)
    row = tl.full([block, 1], -1, tl.int32)
    nearest = tl.zeros([block, 1], tl.int32)
    for number in range(0, neighbours):
        best = tl.full([block, step], float("inf"), tl.float32)
        best_row = tl.full([block, step], 0x7FFFFFFF, tl.int32)
        for start in range(0, rows, step):
            place = start + tl.arange(0, step)[None, :]
            bx = tl.load(planes + place)
            by = tl.load(planes + rows + place)
            bz = tl.load(planes + 2 * rows + place)
            candidate = squared_distance(x, y, z, bx, by, bz)
            later = (candidate > distance) | ((candidate == distance) & (place > row))
            better = later & (candidate < best)
            best = tl.where(better, candidate, best)
            best_row = tl.where(better, place, best_row)
        distance = tl.min(best, axis=1)[:, None]
        row = tl.min(tl.where(best == distance, best_row, 0x7FFFFFFF), axis=1)[:, None]
        nearest = tl.where(number == 0, row, nearest)
        chosen = tl.where(distance < float("inf"), row, nearest)
        tl.store(target[:, None] + number, chosen.to(tl.int64), mask=wanted[:, None])
