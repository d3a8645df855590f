"""Interpolation from the three nearest points, one query at a time."""

import torch

from reference.distances import rows_of, squared_distance


def slow_interpolate_three(query, reference, features, valid=None):
    """The mean of the features of up to three nearest points with weights 1 / (d^2 + 1e-8), in float64."""
    result = []
    for b in range(len(query)):
        rows = rows_of(reference.double(), valid, b)
        values = []
        for point in query[b].double().numpy():
            nearest = sorted((squared_distance(point, other), n) for n, other in rows)[:3]
            total = sum(1 / (d + 1e-8) for d, _ in nearest)
            values.append(sum(features[b, n].double() / (d + 1e-8) / total for d, n in nearest))
        result.append(torch.stack(values))
    return torch.stack(result)
