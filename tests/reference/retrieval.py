"""Retrieval metrics with loops; the rank of an item is the number of items that score at least as high."""

import math


def slow_average_precision(scores, relevant):
    """One query: the precision among all items down to each relevant item's score, averaged over those."""
    precisions = []
    for j, score in enumerate(scores):
        if not relevant[j]:
            continue
        rank = sum(1 for other in scores if other >= score)
        found = sum(1 for k, other in enumerate(scores) if other >= score and relevant[k])
        precisions.append(found / rank)
    return sum(precisions) / len(precisions) if precisions else 0.0


def slow_map(query, gallery, query_labels, gallery_labels):
    """Mean over queries, cosine scores rounded to 12 digits so that equal rows tie."""
    values = []
    for row, label in zip(query, query_labels, strict=True):
        scores = [cosine(row, item) for item in gallery]
        values.append(slow_average_precision(scores, [other == label for other in gallery_labels]))
    return sum(values) / len(values)


def slow_recall(query, gallery, query_labels, gallery_labels, k):
    """Share of queries for which one of the items with rank <= k has the query's class."""
    hits = 0
    for row, label in zip(query, query_labels, strict=True):
        scores = [cosine(row, item) for item in gallery]
        ranks = [sum(1 for other in scores if other >= score) for score in scores]
        hits += any(rank <= k and other == label for rank, other in zip(ranks, gallery_labels, strict=True))
    return hits / len(query)


def cosine(left, right):
    lengths = math.sqrt(sum(x * x for x in left)) * math.sqrt(sum(y * y for y in right))
    return round(sum(x * y for x, y in zip(left, right, strict=True)) / lengths, 12) if lengths else 0.0
