"""Nearest points and Chamfer distances, one pair at a time."""

import math

import torch

from reference.distances import rows_of, squared_distance


def slow_nearest_point(first, second, second_valid=None):
    """(B, N) squared distances and rows; the lowest row among equals."""
    pairs = [
        [
            min((squared_distance(point, other), n) for n, other in rows_of(second, second_valid, b))
            for point in first[b].numpy()
        ]
        for b in range(len(first))
    ]
    return (
        torch.tensor([[float(d) for d, _ in row] for row in pairs], dtype=first.dtype),
        torch.tensor([[n for _, n in row] for row in pairs]),
    )


def slow_chamfer(first, second, *, root, first_valid=None, second_valid=None):
    """(B,) float64: half the sum of the mean distances if `root`, else the sum of the mean squares."""
    result = []
    for b in range(len(first)):
        means = []
        for points, mine, others, theirs in (
            (first, first_valid, second, second_valid),
            (second, second_valid, first, first_valid),
        ):
            targets = [p.astype(float) for _, p in rows_of(others, theirs, b)]
            squares = [
                min(squared_distance(p.astype(float), q) for q in targets)
                for _, p in rows_of(points, mine, b)
            ]
            means.append(sum(math.sqrt(s) if root else s for s in squares) / len(squares))
        result.append(sum(means) / 2 if root else sum(means))
    return torch.tensor(result, dtype=torch.float64)
