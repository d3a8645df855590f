"""Farthest point sampling, one candidate at a time."""

import numpy as np
import torch

from reference.distances import rows_of, squared_distance


def slow_farthest(points, count, *, valid=None, start=None, skip=None):
    """Every distance to every chosen point in every round; the first of the farthest wins.

    Args:
        points: (B, N, 3).
        count: points to choose.
        valid: (B, N) bool or None.
        start: (B,) rows; the first valid one where None.
        skip: no point with a squared norm up to this, except the start.
    """
    result = []
    for b in range(len(points)):
        rows = rows_of(points, valid, b)
        first = rows[0][0] if start is None else int(start[b])
        chosen = [first]
        origin = np.zeros(3, points.numpy().dtype)
        candidates = [(n, p) for n, p in rows if skip is None or squared_distance(p, origin) > skip]
        while len(chosen) < count:
            best, farthest = rows[0][0], -1
            for n, point in candidates:
                nearest = min(squared_distance(point, points[b, c].numpy()) for c in chosen)
                if nearest > farthest:
                    best, farthest = n, nearest
            chosen.append(best)
        result.append(chosen)
    return torch.tensor(result)
