"""CMIC's losses by their definitions, one query and one shape at a time, in Python numbers."""

import math


def slow_losses(scores, targets, query_categories, shape_categories, temperature, *, others=False,
                symmetric=False, hardness=0.0):  # fmt: skip
    """scores[j][i] of query j and shape i -> (L_inst, L_cat)."""
    queries, shapes = len(query_categories), len(shape_categories)
    shown = [[targets[j] == i for i in range(shapes)] for j in range(queries)]
    alike = [
        [query_categories[j] == shape_categories[i] and not (others and shown[j][i]) for i in range(shapes)]
        for j in range(queries)
    ]
    instance = slow_set_loss(scores, shown, temperature, hardness)
    spared = [[a or s for a, s in zip(*rows, strict=True)] for rows in zip(alike, shown, strict=True)]
    category = slow_set_loss(scores, alike, temperature, hardness, spared=spared)
    if symmetric:
        instance = (instance + slow_set_loss(turned(scores), turned(shown), temperature, hardness)) / 2
        back = slow_set_loss(turned(scores), turned(alike), temperature, hardness, spared=turned(spared))
        category = (category + back) / 2
    if len({*query_categories, *shape_categories}) <= 1:
        category = 0.0
    return instance, category


def slow_set_loss(scores, positive, temperature, hardness=0.0, *, weigh_by=None, spared=None):
    """Mean over rows with a positive; `weigh_by` gives other scores for the weights of negatives.

    `spared` are those that `hardness` does not weigh: the positives, and the true shape in any case.
    """
    spared = spared or positive
    rows = []
    for j, row in enumerate(scores):
        if not any(positive[j]):
            continue
        weights = negative_weights((weigh_by or scores)[j], spared[j], hardness)
        total = sum(w * math.exp(s / temperature) for w, s in zip(weights, row, strict=True))
        terms = [
            -math.log(math.exp(s / temperature) / total) for s, p in zip(row, positive[j], strict=True) if p
        ]
        rows.append(sum(terms) / len(terms))
    return sum(rows) / len(rows) if rows else 0.0


def negative_weights(row, positive, hardness):
    """1 for positives, proportional to exp(hardness * s) with mean 1 for the rest."""
    powers = [math.exp(hardness * s) for s in row]
    negatives = [power for power, p in zip(powers, positive, strict=True) if not p]
    mean = sum(negatives) / len(negatives) if negatives else 1.0
    return [1.0 if p else power / mean for power, p in zip(powers, positive, strict=True)]


def turned(table):
    return [list(column) for column in zip(*table, strict=True)]
