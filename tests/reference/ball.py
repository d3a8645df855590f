"""Ball query, one pair at a time."""

import torch

from reference.distances import rows_of, squared_distance


def slow_ball(query, reference, radius, count, valid=None):
    """The first `count` rows inside, the first of them again for the rest, the nearest one if none is."""
    bound = query.numpy().dtype.type(radius * radius)
    result = []
    for b in range(len(query)):
        rows = rows_of(reference, valid, b)
        balls = []
        for point in query[b].numpy():
            inside = [n for n, other in rows if squared_distance(point, other) < bound][:count]
            inside = inside or [min((squared_distance(point, other), n) for n, other in rows)[1]]
            balls.append(inside + inside[:1] * (count - len(inside)))
        result.append(balls)
    return torch.tensor(result)
