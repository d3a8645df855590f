"""Losses of paired rows by their definitions, one pair at a time, in double precision Python numbers."""

import math

from reference.contrastive import dot, log_sum_exp
from reference.instance_category import negative_weights


def slow_paired_nce(first, second, scale, present=None, exclude=None, hardness=0.0):
    """Mean over the pairs that are there of both directions of -log softmax."""
    rows = [i for i in range(len(first)) if present is None or present[i]]
    terms = []
    for i in rows:
        columns = [j for j in rows if j == i or exclude is None or not exclude[i][j]]
        for query, keys in ((first, second), (second, first)):
            similar = [dot(query[i], keys[j]) for j in columns]
            weights = negative_weights(similar, [j == i for j in columns], hardness)
            logits = [scale * s + math.log(w) for s, w in zip(similar, weights, strict=True)]
            terms.append(log_sum_exp(logits) - scale * dot(query[i], keys[i]))
    return sum(terms) / len(terms) if terms else 0.0


def slow_paired_sigmoid(first, second, scale, bias, present=None, exclude=None):
    """-1/B sum_ij log sigmoid(y (s sim + b))."""
    rows = [i for i in range(len(first)) if present is None or present[i]]
    total = 0.0
    for i in rows:
        for j in rows:
            if i != j and exclude is not None and exclude[i][j]:
                continue
            sign = 1 if i == j else -1
            total += math.log1p(math.exp(-sign * (scale * dot(first[i], second[j]) + bias)))
    return total / len(rows) if rows else 0.0


def slow_multi_positive(query, key, positive, scale, candidate=None, weights=None, *, form):
    """Weighted mean over queries with a positive of the mean over their positives."""
    total, mass = 0.0, 0.0
    for i in range(len(query)):
        allowed = [k for k in range(len(key)) if candidate is None or candidate[i][k]]
        hits = [k for k in allowed if positive[i][k]]
        if not hits:
            continue
        logits = {k: scale * dot(query[i], key[k]) for k in allowed}
        terms = []
        for p in hits:
            rivals = [logits[k] for k in allowed if form == "joint" or k == p or k not in hits]
            terms.append(log_sum_exp(rivals) - logits[p])
        weight = 1.0 if weights is None else weights[i]
        total += weight * sum(terms) / len(terms)
        mass += weight
    return total / mass if mass else 0.0


def slow_paired_sets(first, second, scale, first_present=None, second_present=None, exclude=None, *, form):
    """first[b][m], second[b][t]: the mean over objects of the mean over their items, both directions."""
    here = first_present or [[True] * len(items) for items in first]
    there = second_present or [[True] * len(items) for items in second]
    complete = [any(h) and any(t) for h, t in zip(here, there, strict=True)]
    directions = []
    for own, own_there, other, other_there in (
        (first, here, second, there),
        (second, there, first, here),
    ):
        per_object = []
        for i in range(len(own)):
            if not complete[i]:
                continue
            terms = []
            for m in range(len(own[i])):
                if not own_there[i][m]:
                    continue
                keys, positive = [], []
                for j in range(len(other)):
                    if not complete[j] or (j != i and exclude is not None and exclude[i][j]):
                        continue
                    for t in range(len(other[j])):
                        if other_there[j][t]:
                            keys.append(other[j][t])
                            positive.append(j == i)
                terms.append(slow_multi_positive([own[i][m]], keys, [positive], scale, form=form))
            per_object.append(sum(terms) / len(terms))
        directions.append(sum(per_object) / len(per_object) if per_object else 0.0)
    return sum(directions) / 2


def slow_fitting_texts(image, text, delta):
    """[i][j]: text j fits image i nearly as well as its own."""
    return [
        [dot(image[i], text[j]) + delta > dot(image[i], text[i]) for j in range(len(text))]
        for i in range(len(image))
    ]
