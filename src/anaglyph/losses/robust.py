"""Losses against labels that may be wrong or soft: RoMo's RCLL (Li et al., 2024) and soft cross-entropy.

Everything starts from log-softmax with ln p_y <= -1e-7 and 1 - p_y as -expm1(ln p_y), and no
sub-batch is ever selected; the released code yields NaN for p_y = 0, for p_y = 1 and for an empty branch.
"""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from anaglyph.losses.reduction import at_least_float32, weighted_mean

RobustForm = Literal["plain", "clip", "released"]
_LOG_CEILING = -1e-7
_ROUNDING = 1e-5
"""A probability within this of a threshold, relatively, counts as equal to it: not above."""


def robust_concentrating_loss(
    logits: Tensor,
    labels: Tensor,
    *,
    alpha: float = 0.25,
    form: RobustForm = "plain",
    weights: Tensor | None = None,
) -> Tensor:
    """RCLL: learns most from samples of middling confidence, little from those that contradict their label.

        l(p_y) = (-ln p_y)^alpha (1 - p_y)

    alpha -> 1 comes close to a focal cross-entropy, alpha = 0 is the mean absolute error. Forms:

    - `plain`: mean of l(p_y).
    - `clip`: l(p_y) where p_y > 1/K, else the constant l(1/K) without a gradient.
    - `released`: what the released code computes. With theta = 1/B, n_i the number of classes of row i
      above theta and m_i = K - n_i:  l(theta) + sum_i n_i l(p_y) / sum_i n_i.  The first term is a
      constant; it is 0 where no m_i, and the second where no n_i is left (NaN in the release).

    Rows without a label, or with weight 0, are as if they were not in the batch. If none is left the
    loss is 0 and still carries a gradient.

    Args:
        logits: (B, K), any finite values.
        labels: (B,) int64 in [0, K); -1 leaves the row out.
        alpha: exponent, >= 0; RoMo uses 0.25.
        form: which of the three.
        weights: (B,) weight >= 0 of each row in the mean.
    """
    if not alpha >= 0:
        raise ValueError(f"alpha must be >= 0, got {alpha}; RoMo uses 0.25")
    log_prob, labelled = _log_prob_and_mask(logits, labels)
    rows = labelled if weights is None else labelled * weights.to(log_prob.dtype)
    log_label = log_prob.gather(1, labels.clamp(min=0)[:, None])[:, 0]  # (B,)
    per_row = _concentrate(-log_label.clamp(max=_LOG_CEILING), alpha)
    if form == "plain":
        return weighted_mean(per_row, rows)
    if form == "clip":
        uniform = log_prob.new_tensor(-math.log(logits.shape[1]))
        certain = log_label > uniform + _ROUNDING
        return weighted_mean(torch.where(certain, per_row, _concentrate(-uniform, alpha)), rows)
    if form == "released":
        return _released(log_prob, per_row, rows, alpha)
    raise ValueError(f"form must be 'plain', 'clip' or 'released', got {form!r}")


def soft_cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean over rows of -sum_k t_k ln softmax(logits)_k.

    Args:
        logits: (B, K), any finite values.
        targets: (B, K) probabilities; detach them where no gradient shall reach their source.
        weights: (B,) weight >= 0 of each row in the mean; the mean of no weight at all is 0.
    """
    if logits.shape != targets.shape:
        raise ValueError(f"targets must be {tuple(logits.shape)} like logits, got {tuple(targets.shape)}")
    log_prob = F.log_softmax(at_least_float32(logits), dim=1)
    return weighted_mean(-(targets.to(log_prob.dtype) * log_prob).sum(dim=1), weights)


def _log_prob_and_mask(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    if logits.ndim != 2 or labels.shape != logits.shape[:1]:
        raise ValueError(
            f"logits must be (B, K) and labels (B,), got {tuple(logits.shape)} and {tuple(labels.shape)}"
        )
    log_prob = F.log_softmax(at_least_float32(logits), dim=1)
    return log_prob, (labels >= 0).to(log_prob.dtype)


def _concentrate(surprise: Tensor, alpha: float) -> Tensor:
    """RCLL of -ln p_y; a gradient needs it above 0, because the slope of x^alpha has no end there."""
    return surprise.pow(alpha) * -torch.expm1(-surprise)


def _released(log_prob: Tensor, per_row: Tensor, rows: Tensor, alpha: float) -> Tensor:
    size = (rows > 0).sum().clamp(min=1).to(log_prob.dtype)
    theta = -size.log()
    above = (log_prob > theta + _ROUNDING).to(log_prob.dtype).sum(dim=1)  # (B,) n_i
    below = log_prob.shape[1] - above  # (B,) m_i
    constant = _concentrate(-theta, alpha) * ((rows * below).sum() > 0)
    return constant + weighted_mean(per_row, rows * above)
