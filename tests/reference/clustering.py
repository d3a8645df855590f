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


def slow_fused_information(logits, balance):
    """Cross-entropy of every view to the mean posterior of its object, minus balance times the entropy."""
    views, rows, clusters = len(logits), len(logits[0]), len(logits[0][0])
    posterior = []
    for view in logits:
        posterior.append([])
        for row in view:
            total = sum(math.exp(value - max(row)) for value in row)
            posterior[-1].append([math.exp(value - max(row)) / total for value in row])
    mean = [
        [sum(posterior[v][b][k] for v in range(views)) / views for k in range(clusters)] for b in range(rows)
    ]
    disagreement = 0.0
    for v in range(views):
        for b in range(rows):
            disagreement -= sum(
                mean[b][k] * math.log(max(posterior[v][b][k], 1e-38)) for k in range(clusters)
            )
    shares = [sum(mean[b][k] for b in range(rows)) / rows for k in range(clusters)]
    entropy = -sum(share * math.log(share) for share in shares if share > 0)
    return disagreement / (views * rows) - balance * entropy
