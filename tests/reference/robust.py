"""RCLL as printed in section 2.3 of the RoMo dossier, from probabilities, one sample at a time."""

import math


def slow_rcll(logits, labels, alpha, form, weights=None):
    rows = []
    for b, label in enumerate(labels):
        weight = 1.0 if weights is None else weights[b]
        if label >= 0 and weight > 0:
            rows.append((softmax(logits[b]), label, weight))
    if not rows:
        return 0.0
    classes = len(rows[0][0])
    if form == "plain":
        terms = [(weight, concentrate(p[label], alpha)) for p, label, weight in rows]
    elif form == "clip":
        terms = [(weight, concentrate(max(p[label], 1 / classes), alpha)) for p, label, weight in rows]
    else:
        return released(rows, classes, alpha)
    return sum(weight * term for weight, term in terms) / sum(weight for weight, _ in terms)


def released(rows, classes, alpha):
    theta = 1 / len(rows)
    constant, below, learned, above = 0.0, 0.0, 0.0, 0.0
    for p, label, weight in rows:
        n = sum(1 for k in range(classes) if p[k] > theta)
        m = classes - n
        constant += weight * m * concentrate(theta, alpha)
        below += weight * m
        learned += weight * n * concentrate(p[label], alpha)
        above += weight * n
    return (constant / below if below else 0.0) + (learned / above if above else 0.0)


def concentrate(p, alpha):
    return (-math.log(p)) ** alpha * (1 - p)


def softmax(logits):
    top = max(logits)
    powers = [math.exp(value - top) for value in logits]
    return [power / sum(powers) for power in powers]
