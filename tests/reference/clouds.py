"""Clouds that are hard on neighbour searches, and all their distances in the rounding of the contract."""

import numpy as np
import torch

KINDS = ("ball", "lattice", "one place", "clusters", "far away", "line", "few places")


def hard_cloud(kind, points, *, seed=0):
    """(points, 3) float32."""
    random = torch.Generator().manual_seed(seed)
    cloud = torch.randn(points, 3, generator=random)
    if kind == "lattice":
        cloud = cloud.mul(2).round() / 2
    elif kind == "one place":
        cloud = cloud[:1].expand(points, -1).clone()
    elif kind == "clusters":
        cloud = cloud * 1e-6 + torch.randint(0, 3, (points, 1), generator=random)
        cloud[0] = 1e4
    elif kind == "far away":
        cloud = cloud + 5000.0
    elif kind == "line":
        cloud[:, 1:] = 0.25
    elif kind == "few places":
        cloud = cloud[torch.randint(0, min(points, 5), (points,), generator=random)]
    return cloud


def all_distances(query, reference):
    """(M, 3), (N, 3) -> (M, N) float32 squared distances ((dx * dx + dy * dy) + dz * dz)."""
    gap = query.numpy()[:, None] - reference.numpy()[None]
    square = gap * gap
    return (square[..., 0] + square[..., 1]) + square[..., 2]


def sorted_neighbours(query, reference, count, mask=None):
    """(M, count) rows by (distance, row), the first again where valid points run out."""
    distance = all_distances(query, reference)
    if mask is not None:
        distance[:, ~mask.numpy()] = np.nan  # sorted behind everything
    order = np.argsort(distance, axis=1, kind="stable")
    available = len(reference) if mask is None else int(mask.sum())
    order[:, available:] = order[:, :1]
    if order.shape[1] < count:
        order = np.concatenate([order, np.repeat(order[:, :1], count - order.shape[1], axis=1)], axis=1)
    return torch.from_numpy(order[:, :count])


def balls_in_order(query, reference, radius, count, mask=None):
    """(M, count) lowest rows inside, the first again for the rest, -1 where nothing is inside."""
    inside = all_distances(query, reference) < np.float32(radius * radius)
    if mask is not None:
        inside[:, ~mask.numpy()] = False
    result = np.full((len(query), count), -1)
    for row, hits in zip(result, inside, strict=True):
        found = hits.nonzero()[0][:count]
        if len(found):
            row[:] = found[0]
            row[: len(found)] = found
    return torch.from_numpy(result)


def farthest_in_order(points, count, start, *, mask=None, skip=None):
    """(count,) rows by the definition: the farthest from all before it, the lowest row among equals.

    Where all points are to be skipped the lowest valid row fills up.
    """
    eligible = np.ones(len(points), bool) if mask is None else mask.numpy().copy()
    if skip is not None:
        x, y, z = points.numpy().T
        beyond = (x * x + y * y) + z * z > np.float32(skip)
        if not (eligible & beyond).any():
            return torch.tensor([start] + [int(eligible.argmax())] * (count - 1))
        eligible &= beyond
    chosen = [start]
    nearest = np.full(len(points), np.inf, np.float32)
    while len(chosen) < count:
        nearest = np.minimum(nearest, all_distances(points[chosen[-1:]], points)[0])
        rows = eligible.nonzero()[0]
        chosen.append(int(rows[nearest[rows].argmax()]))
    return torch.tensor(chosen)
