"""CMIC's losses over the scores of a batch (Lin et al., 2021): the very shape, and shapes of its category.

    P_ji   = exp(s_ji / tau) / sum_k exp(s_jk / tau)            query j, shape i
    L_inst = mean_j  -log P_j,y(j)
    L_cat  = mean_j  1 / |C_j|  sum_{i in C_j} -log P_ji         C_j: shapes of the category of y(j)

The option `hardness` is ours, after the re-weighted negatives of Robinson et al. (2021): hard negatives count
more in the denominator. Weights are constants for the gradient, so no negative is ever pulled closer.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from anaglyph.losses.reduction import at_least_float32, full_precision, weighted_mean

CategoryPositives = Literal["all", "others"]


def instance_category_losses(
    scores: Tensor,
    targets: Tensor,
    query_categories: Tensor,
    shape_categories: Tensor,
    *,
    temperature: float | Tensor = 0.1,
    positives: CategoryPositives = "all",
    symmetric: bool = False,
    hardness: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """L_inst and L_cat, scalars; CMIC's loss is L_inst + 0.2 L_cat.

    Where everything in the batch is of one category, L_cat is 0 (with a gradient of 0). The same for a batch
    without queries, or without any positive.

    Args:
        scores: (B, S) similarity s of B queries and S different shapes, larger is closer.
        targets: (B,) int64 column of the true shape.
        query_categories: (B,) int64.
        shape_categories: (S,) int64.
        temperature: tau > 0; a tensor is learned.
        positives: of the category term: "all" has the true shape among them (CMIC), "others" has not (gcmic);
            queries without another shape of their category are then left out of the mean.
        symmetric: mean of query -> shape and shape -> query; shapes that no query shows are left out of the
            second. CMIC has the first alone.
        hardness: beta of the weights of negatives, w proportional to exp(beta s) with mean 1; 0 for none.
    """
    _check(scores, targets, query_categories, shape_categories)
    shown = torch.zeros_like(scores, dtype=torch.bool).scatter_(1, targets[:, None], True)  # (B, S)
    same = query_categories[:, None] == shape_categories[None, :]  # (B, S)
    alike = same & ~shown if positives == "others" else same
    terms = ((shown, ~shown), (alike, ~(alike | shown)))  # the true shape is a negative of neither
    instance, category = (
        set_cross_entropy(scores, positive, negative, temperature=temperature, hardness=hardness)
        for positive, negative in terms
    )
    if symmetric:
        back = (
            set_cross_entropy(scores.T, positive.T, negative.T, temperature=temperature, hardness=hardness)
            for positive, negative in terms
        )
        instance, category = ((forth + b) / 2 for forth, b in zip((instance, category), back, strict=True))
    return instance, category * (~same.all()).to(category.dtype)


def set_cross_entropy(
    scores: Tensor,
    positive: Tensor,
    negative: Tensor | None = None,
    *,
    temperature: float | Tensor,
    hardness: float = 0.0,
) -> Tensor:
    """Mean over rows of the mean over a row's positives of -log P; rows without a positive are left out.

    If no row is left the loss is 0 and still carries a gradient.

    Args:
        scores: (B, S).
        positive: (B, S) bool.
        negative: (B, S) bool, what `hardness` weighs; None is all that is not positive.
        temperature: tau > 0.
        hardness: beta >= 0; see `negative_log_weights`.
    """
    if positive.shape != scores.shape:
        raise ValueError(f"positive must be {tuple(scores.shape)}, got {tuple(positive.shape)}")
    if not isinstance(temperature, Tensor) and not temperature > 0:
        raise ValueError(f"temperature must be > 0, got {temperature}; CMIC uses 0.1")
    with full_precision(scores):
        logits = at_least_float32(scores) / temperature
        if hardness != 0.0:
            logits = logits + negative_log_weights(
                scores, ~positive if negative is None else negative, hardness=hardness
            )
        log_prob = F.log_softmax(logits, dim=1)
        count = positive.sum(dim=1)
        per_row = -log_prob.masked_fill(~positive, 0.0).sum(dim=1) / count.clamp(min=1)
        return weighted_mean(per_row, count > 0)


@torch.no_grad()
def negative_log_weights(scores: Tensor, negative: Tensor, *, hardness: float) -> Tensor:
    """(B, S) log of the weight of each negative, w = n exp(beta s) / sum exp(beta s) over n negatives.

    Their mean is 1 in every row; 0, the log of 1, stands elsewhere. Weighs as much as n negatives did before,
    but more of it lies on the hard ones.
    """
    if not hardness >= 0:
        raise ValueError(f"hardness must be >= 0, got {hardness}; 0 weighs all negatives alike")
    scaled = hardness * at_least_float32(scores)
    total = scaled.masked_fill(~negative, float("-inf")).logsumexp(dim=1, keepdim=True)
    count = negative.sum(dim=1, keepdim=True)
    return torch.where(negative, scaled - total + count.clamp(min=1).to(scaled.dtype).log(), 0.0)


def _check(scores: Tensor, targets: Tensor, queries: Tensor, shapes: Tensor) -> None:
    if scores.ndim != 2:
        raise ValueError(f"scores must be (queries, shapes), got {tuple(scores.shape)}")
    for name, given, wanted in (
        ("targets", targets, scores.shape[:1]),
        ("query_categories", queries, scores.shape[:1]),
        ("shape_categories", shapes, scores.shape[1:]),
    ):
        if given.shape != wanted:
            raise ValueError(f"{name} must be {tuple(wanted)} beside the scores, got {tuple(given.shape)}")
