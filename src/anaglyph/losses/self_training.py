"""What a student learns from its own teacher: labels that were kept, and not to forget any class.

L_ST   = mean over kept rows of CE(l, y)              (dossier CrossMoST, 1.6; after FixMatch and MUST)
L_fair = -1/C sum_c log pbar_c,   pbar the mean of softmax(l) over the joined batch;  at least ln C
With a running average (MUST): pbar <- (old pbar + that mean) / 2, L_fair / 0.5; no gradient into the old.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from anaglyph.losses.reduction import at_least_float32, weighted_mean


def pseudo_label_loss(logits: Tensor, targets: Tensor, kept: Tensor) -> Tensor:
    """L_ST; with nothing kept it is 0 and still carries a gradient.

    Args:
        logits: (B, C) of the student.
        targets: (B,) int64 classes, or (B, C) probabilities, of the teacher.
        kept: (B,) bool.

    Raises:
        ValueError: shapes that do not fit, or classes outside 0 to C - 1.
    """
    if logits.ndim != 2 or kept.shape != logits.shape[:1]:
        raise ValueError(f"logits {tuple(logits.shape)} and kept {tuple(kept.shape)} must be (B, C) and (B,)")
    hard = targets.ndim == 1
    if targets.shape != (logits.shape[:1] if hard else logits.shape):
        raise ValueError(f"targets {tuple(targets.shape)} must be (B,) classes or {tuple(logits.shape)}")
    if hard and len(targets) and not 0 <= int(targets.min()) <= int(targets.max()) < logits.shape[1]:
        raise ValueError(
            f"classes must lie in 0 to {logits.shape[1] - 1}, got {int(targets.min())} to "
            f"{int(targets.max())}"
        )
    surprise = F.cross_entropy(
        at_least_float32(logits), targets if hard else targets.to(at_least_float32(logits).dtype),
        reduction="none",
    )  # fmt: skip
    return weighted_mean(surprise, kept)


def log_mean_prediction(logits: Tensor, *, before: Tensor | None = None) -> Tensor:
    """(B >= 1, C) logits -> (C,) log pbar, in the log domain, so that a class nobody gets is not log 0.

    Args:
        logits: (B, C); under several processes the rows of all of them.
        before: (C,) log pbar of the step before, for the running average; it gets no gradient.

    Raises:
        ValueError: shapes that do not fit.
    """
    if logits.ndim != 2 or 0 in logits.shape:
        raise ValueError(f"logits must be (B >= 1, C >= 1), got {tuple(logits.shape)}")
    log_mean = torch.logsumexp(F.log_softmax(at_least_float32(logits), dim=1), dim=0) - math.log(len(logits))
    if before is None:
        return log_mean
    if before.shape != log_mean.shape:
        raise ValueError(f"before must be {tuple(log_mean.shape)}, got {tuple(before.shape)}")
    return torch.logaddexp(before.detach().to(log_mean.dtype), log_mean) - math.log(2)


def fairness(logits: Tensor, *, before: Tensor | None = None) -> Tensor:
    """L_fair; arguments are those of `log_mean_prediction`. At least ln C, 2 ln C with a running average."""
    share_of_new = 1.0 if before is None else 0.5
    return -log_mean_prediction(logits, before=before).mean() / share_of_new
