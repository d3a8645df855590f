"""Contrastive losses by their definitions, one pair at a time, in double precision Python numbers."""

import math


def slow_nce(query, key, positive, temperature):
    """Mean over queries with a positive of the mean over their positives of -log softmax."""
    terms = []
    for b in range(len(query)):
        score = [dot(query[b], key[k]) / temperature for k in range(len(key))]
        hits = [log_sum_exp(score) - score[k] for k in range(len(key)) if positive[b][k]]
        if hits:
            terms.append(sum(hits) / len(hits))
    return sum(terms) / len(terms) if terms else 0.0


def slow_nt_xent(first, second, temperature, exclude=None, weights=None):
    """2B items, each looks for its partner; the item itself and what `exclude` says is left out."""
    count = len(first)
    items = [*first, *second]
    total, mass = 0.0, 0.0
    for a in range(2 * count):
        partner = (a + count) % (2 * count)
        candidates = []
        for b in range(2 * count):
            if b == a:
                continue
            if exclude is not None and b % count != a % count and exclude[a % count][b % count]:
                continue
            candidates.append(dot(items[a], items[b]) / temperature)
        weight = 1.0 if weights is None else weights[a % count]
        total += weight * (log_sum_exp(candidates) - dot(items[a], items[partner]) / temperature)
        mass += weight
    return total / mass if mass else 0.0


def slow_multi_view(views, temperature, exclude=None):
    """All ordered pairs of views; the candidates are all items but the item itself and the excluded."""
    count, objects = len(views), len(views[0])
    terms = []
    for u in range(count):
        for v in range(count):
            for b in range(objects):
                if u == v:
                    continue
                candidates = [
                    dot(views[u][b], views[w][c]) / temperature
                    for w in range(count)
                    for c in range(objects)
                    if (w, c) != (u, b) and (c == b or exclude is None or not exclude[b][c])
                ]
                terms.append(log_sum_exp(candidates) - dot(views[u][b], views[v][b]) / temperature)
    return sum(terms) / len(terms)


def dot(left, right):
    return sum(float(x) * float(y) for x, y in zip(left, right, strict=True))


def log_sum_exp(values):
    top = max(values)
    return top + math.log(sum(math.exp(value - top) for value in values))
