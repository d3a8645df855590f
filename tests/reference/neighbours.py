"""Neighbours, their maxima and sums, and the edge convolution, one point and one edge at a time."""

import torch

from reference.distances import rows_of, squared_distance


def slow_k_nearest(query, reference, neighbours, valid=None):
    """Every distance from its definition, sorted with the index as the tie-break; the nearest fills up."""
    in_space = query.shape[2] == 3
    result = []
    for b in range(len(query)):
        rows = []
        for point in (query if in_space else query.double())[b].numpy():
            candidates = [
                (squared_distance(point, other) if in_space else float(((point - other) ** 2).sum()), n)
                for n, other in rows_of(reference, valid, b)
            ]
            chosen = [n for _, n in sorted(candidates)[:neighbours]]
            rows.append(chosen + [chosen[0]] * (neighbours - len(chosen)))
        result.append(rows)
    return torch.tensor(result)


def slow_neighbour_max(values, index):
    return torch.stack(
        [
            torch.stack([torch.stack([values[b, j] for j in row]).max(dim=0).values for row in index[b]])
            for b in range(len(values))
        ]
    )


def slow_neighbour_sum(values, index):
    return torch.stack(
        [torch.stack([sum(values[b, j] for j in row) for row in index[b]]) for b in range(len(values))]
    )


def slow_edge_conv(points, index, weight, scale, shift, *, slope=0.2, eps=1e-5, valid=None):
    """max_j LeakyReLU(BN(W [x_j - x_i ; x_i])) with the statistics of the edges of this batch."""
    edges = {}
    for b in range(len(points)):
        for i in range(points.shape[1]):
            if valid is None or valid[b, i]:
                edges[b, i] = [
                    weight @ torch.cat([points[b, j] - points[b, i], points[b, i]]) for j in index[b, i]
                ]
    every = torch.stack([edge for row in edges.values() for edge in row])
    mean, variance = every.mean(dim=0), every.var(dim=0, unbiased=False)
    result = points.new_zeros(*points.shape[:2], len(weight))
    for (b, i), row in edges.items():
        values = [(edge - mean) / torch.sqrt(variance + eps) * scale + shift for edge in row]
        values = [torch.where(value > 0, value, slope * value) for value in values]
        result[b, i] = torch.stack(values).max(dim=0).values
    return result, mean, every.var(dim=0, unbiased=True)
