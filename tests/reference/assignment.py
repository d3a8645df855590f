"""k-means and balanced assignment, one item at a time."""

import math


def slow_lloyd(points, centroids, *, geometry, iterations):
    """Lloyd's algorithm in Python floats; an empty cluster is not expected. -> centroids, assignments."""
    points = [[float(x) for x in row] for row in points]
    centroids = [[float(x) for x in row] for row in centroids]
    if geometry == "spherical":
        points, centroids = [_unit(row) for row in points], [_unit(row) for row in centroids]
    assignments = [_closest(row, centroids) for row in points]
    for _ in range(iterations):
        for k in range(len(centroids)):
            members = [row for row, a in zip(points, assignments, strict=True) if a == k]
            mean = [sum(column) / len(members) for column in zip(*members, strict=True)]
            centroids[k] = _unit(mean) if geometry == "spherical" else mean
        assignments = [_closest(row, centroids) for row in points]
    return centroids, assignments


def slow_sinkhorn(scores, *, epsilon, iterations):
    """Scale columns to N / K and rows to 1 in turn, without logarithms."""
    plan = [[math.exp(float(s) / epsilon) for s in row] for row in scores]
    items, clusters = len(plan), len(plan[0])
    for _ in range(iterations):
        for k in range(clusters):
            total = sum(row[k] for row in plan)
            for row in plan:
                row[k] *= items / clusters / total
        for n in range(items):
            total = sum(plan[n])
            plan[n] = [value / total for value in plan[n]]
    return plan


def _unit(row):
    norm = math.sqrt(sum(x * x for x in row))
    return [x / norm for x in row]


def _closest(row, centroids):
    distances = [sum((x - c) ** 2 for x, c in zip(row, centre, strict=True)) for centre in centroids]
    return distances.index(min(distances))
