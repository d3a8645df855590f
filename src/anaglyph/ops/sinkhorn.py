"""Balanced soft assignment by optimal transport (Cuturi, 2013; as in SwAV, Caron et al., 2020)."""

from __future__ import annotations

import math

import torch
from torch import Tensor


@torch.no_grad()
def sinkhorn(scores: Tensor, *, epsilon: float = 0.05, iterations: int = 3) -> Tensor:
    """Soft assignment of N items to K clusters of equal total mass, in the log domain.

    Rows are scaled last, so every row sums to 1 exactly, and every column to N / K as iterations grow.

    Args:
        scores: (N, K) similarities, larger is closer; cosines suit the default epsilon.
        epsilon: entropy weight, > 0; smaller is harder.
        iterations: rounds of scaling columns and rows, >= 1.

    Returns:
        (N, K) float32 probabilities.
    """
    if scores.ndim != 2 or 0 in scores.shape:
        raise ValueError(f"scores must be (N >= 1, K >= 1), got {tuple(scores.shape)}")
    if not epsilon > 0:
        raise ValueError(f"epsilon must be > 0, got {epsilon}")
    if iterations < 1:
        raise ValueError(f"iterations must be >= 1, got {iterations}")
    log_plan = scores.float() / epsilon
    column_mass = math.log(scores.shape[0] / scores.shape[1])
    for _ in range(iterations):
        log_plan = log_plan - torch.logsumexp(log_plan, dim=0, keepdim=True) + column_mass
        log_plan = log_plan - torch.logsumexp(log_plan, dim=1, keepdim=True)
    return log_plan.exp()
