"""How far scores can be read as chances of being right, and scores made so without a label.

    ECE = sum over bins b of equally many objects   |b| / N  | mean top score of b - share right in b |

(Naeini et al., 2015, with equal-mass bins as in Nixon et al., 2019). `sharpened_to` divides logits by the one
temperature at which their mean top score is a wanted share, such as how often two independent views of the
objects agree, which stands in for accuracy where there are no labels (Jiang et al., 2022).
"""

from __future__ import annotations

import torch
from torch import Tensor

BINS = 10
_STEPS = 60
_LIMITS = (1e-4, 1e4)
"""Of the factor on logits."""


def calibration_error(probabilities: Tensor, labels: Tensor, *, bins: int = BINS) -> float:
    """ECE of (N, C) probabilities against (N,) classes, 0 to 1; 0 is best.

    Args:
        probabilities: rows that sum to 1.
        labels: the truth.
        bins: groups of equally many objects, by top score; at most N.

    Raises:
        ValueError: shapes that do not fit, no object, or no bin.
    """
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1] or not len(labels) or bins < 1:
        raise ValueError(
            f"probabilities {tuple(probabilities.shape)} and labels {tuple(labels.shape)} must be (N >= 1, "
            f"C) and (N,), and bins={bins} >= 1"
        )
    score, said = probabilities.double().max(dim=1)
    right = (said == labels).double()
    order = score.argsort(stable=True)
    error = torch.zeros((), dtype=torch.float64)
    for part in order.tensor_split(min(bins, len(labels))):
        error += (score[part].mean() - right[part].mean()).abs() * len(part) / len(labels)
    return float(error)


def agreement(first: Tensor, second: Tensor) -> float:
    """Share of rows whose highest class is the same in both (N, C); 0 of none."""
    same = first.argmax(dim=1) == second.argmax(dim=1)
    return float(same.double().mean()) if len(same) else 0.0


def sharpened_to(logits: Tensor, share: float) -> Tensor:
    """(N, C) probabilities softmax(f logits) with the factor f at which their mean top score is `share`.

    The order of classes within a row stays. A share that no factor reaches gives the nearest.

    Args:
        logits: finite; log-probabilities do.
        share: wanted mean, from 1 / C to 1.

    Raises:
        ValueError: no rows or classes, or a share outside 0 to 1.
    """
    if logits.ndim != 2 or 0 in logits.shape or not 0 <= share <= 1:
        raise ValueError(f"logits {tuple(logits.shape)} must be (N >= 1, C >= 1) and share={share} in [0, 1]")
    logits = logits.double()
    low, high = _LIMITS
    for _ in range(_STEPS):  # the mean top score grows with the factor
        middle = (low * high) ** 0.5
        if float((middle * logits).softmax(dim=1).amax(dim=1).mean()) < share:
            low = middle
        else:
            high = middle
    factor: float = (low * high) ** 0.5
    return (factor * logits).softmax(dim=1)
