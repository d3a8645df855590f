"""Cross-entropy with Point-BERT's smoothing, one object and class at a time."""

import math


def slow_smoothed_cross_entropy(logits, labels, smoothing):
    """Mean over objects of -sum_c t_c log p_c."""
    total = 0.0
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        norm = math.log(sum(math.exp(value) for value in row))
        for place, value in enumerate(row):
            target = 1 - smoothing if place == label else smoothing / (len(row) - 1)
            total -= target * (value - norm)
    return total / len(logits)
