"""Cross-entropy to known classes, with the label smoothing of Point-BERT (Yu et al., 2022)."""

import torch.nn.functional as F
from torch import Tensor


def smoothed_cross_entropy(logits: Tensor, labels: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """-sum_c t_c log softmax(logits)_c, averaged over objects: t is 1 - e for the true class and e / (C - 1)
    for each other one.

    torch's own smoothing gives every class e / C, so that the true one keeps more than 1 - e.

    Args:
        logits: (B, C), C >= 2.
        labels: (B,) int64 true classes.
        smoothing: e in [0, 1).
    """
    if logits.ndim != 2 or logits.shape[1] < 2 or labels.shape != logits.shape[:1]:
        raise ValueError(
            f"logits must be (B, C) with C >= 2 and labels (B,), got {tuple(logits.shape)} and "
            f"{tuple(labels.shape)}"
        )
    if not 0.0 <= smoothing < 1.0:
        raise ValueError(f"smoothing must be in [0, 1), got {smoothing}")
    log_prob = F.log_softmax(logits.float(), dim=1)  # (B, C)
    true = log_prob.gather(1, labels[:, None])[:, 0]  # (B,)
    others = (log_prob.sum(dim=1) - true) / (logits.shape[1] - 1)
    return -((1 - smoothing) * true + smoothing * others).mean()
