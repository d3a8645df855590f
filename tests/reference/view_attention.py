"""Query-conditioned view attention by its four equations, one pair and one view at a time."""

import math


def slow_score(query, views, matrix, *, pooling="attention", normalize=False):
    """query: D numbers; views: V lists of D; matrix: W as rows -> s."""
    weights = slow_weights(query, views, matrix, pooling=pooling)
    attended = [sum(w * view[d] for w, view in zip(weights, views, strict=True)) for d in range(len(query))]
    score = dot(query, attended)
    return score / math.sqrt(dot(attended, attended)) if normalize else score


def slow_weights(query, views, matrix, *, pooling="attention"):
    """alpha over the views."""
    if pooling == "mean":
        return [1 / len(views)] * len(views)
    if pooling == "max":
        products = [dot(query, view) for view in views]
        best = products.index(max(products))
        return [1.0 if v == best else 0.0 for v in range(len(views))]
    asked = [dot(row, query) for row in matrix]
    logits = [dot(asked, view) for view in views]
    top = max(logits)
    powers = [math.exp(a - top) for a in logits]
    return [p / sum(powers) for p in powers]


def slow_scores(queries, shapes, matrix, *, pooling="attention", normalize=False):
    """Rows are queries, columns shapes."""
    return [
        [slow_score(q, views, matrix, pooling=pooling, normalize=normalize) for views in shapes]
        for q in queries
    ]


def best_shapes(scores, limit):
    """Rows of the best, the lower first among equals."""
    return sorted(range(len(scores)), key=lambda row: (-scores[row], row))[:limit]


def dot(left, right):
    return sum(float(x) * float(y) for x, y in zip(left, right, strict=True))
