"""Clustering measures by brute force: all mappings, all pairs, all combinations."""

import itertools
import math


def slow_accuracy(predicted, true):
    """The best share over every one-to-one mapping of clusters to classes."""
    clusters = sorted({label for label in predicted if label >= 0})
    classes = sorted(set(true))
    targets = classes + [None] * len(clusters)
    best = 0
    for chosen in itertools.permutations(targets, len(clusters)):
        mapping = dict(zip(clusters, chosen, strict=True))
        best = max(best, sum(mapping.get(p) == t for p, t in zip(predicted, true, strict=True)))
    return best / len(true)


def slow_mutual_information(p, q):
    """I of the symmetrised joint of two soft assignments, in nats."""
    size, clusters = len(p), len(p[0])
    joint = [
        [
            sum(p[b][k] * q[b][m] + p[b][m] * q[b][k] for b in range(size)) / (2 * size)
            for m in range(clusters)
        ]
        for k in range(clusters)
    ]
    alone = [sum(row) for row in joint]
    return sum(
        joint[k][m] * math.log(joint[k][m] / (alone[k] * alone[m]))
        for k in range(clusters)
        for m in range(clusters)
        if joint[k][m] > 0
    )
