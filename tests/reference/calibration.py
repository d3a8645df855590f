"""Slow twins of `evaluation.calibration`, one object at a time."""

import math


def calibration_error(probabilities, labels, bins):
    """Sort objects by top score, cut into groups of (nearly) equal size, compare score and hits in each."""
    rows = sorted(
        ((max(row), row.index(max(row)) == label) for row, label in zip(probabilities, labels, strict=True)),
        key=lambda row: row[0],
    )
    bins = min(bins, len(rows))
    sizes = [len(rows) // bins + (place < len(rows) % bins) for place in range(bins)]
    error, first = 0.0, 0
    for size in sizes:
        group = rows[first : first + size]
        first += size
        error += abs(sum(score for score, _ in group) - sum(hit for _, hit in group)) / len(rows)
    return error


def mean_top_score(logits, factor):
    """Mean over rows of the largest softmax(factor * row)."""
    total = 0.0
    for row in logits:
        high = max(row)
        total += 1 / sum(math.exp(factor * (value - high)) for value in row)
    return total / len(logits)
