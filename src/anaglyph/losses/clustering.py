"""Losses on soft cluster assignments: agreement of two views, and balance (Ji et al., 2019)."""

import torch
from torch import Tensor

from anaglyph.losses.reduction import at_least_float32, full_precision


def mutual_information(p: Tensor, q: Tensor) -> Tensor:
    """*Minus* the mutual information of two views' clusters, a loss to descend (IIC; Ji et al., 2019, eq. 3).

        P = (p^T q + q^T p) / 2B,   I = sum_kl P_kl ln [ P_kl / (P_k P_l) ],   result = -I in nats

    It lies in [-ln K, 0]: 0 for independent or collapsed assignments, -ln K when both views agree with
    certainty on K equally large clusters. The same object must stand in the same row. An empty batch
    gives 0 with a gradient.

    Args:
        p: (B, K) probabilities, rows sum to 1.
        q: (B, K) probabilities of the same objects, seen otherwise.
    """
    if p.ndim != 2 or p.shape != q.shape:
        raise ValueError(f"p and q must both be (B, K), got {tuple(p.shape)} and {tuple(q.shape)}")
    p, q = at_least_float32(p), at_least_float32(q)
    with full_precision(p):
        joint = p.T @ q / max(len(p), 1)  # (K, K)
    joint = (joint + joint.T) / 2
    alone = joint.sum(dim=1)  # (K,)
    information = (joint * _safe_log(joint)).sum() - 2 * (alone * _safe_log(alone)).sum()
    return -information


def balance_entropy(p: Tensor) -> Tensor:
    """Entropy of the mean assignment in nats, from 0 (one cluster) to ln K (equally large ones).

    Larger is more balanced, so a loss subtracts it. An empty batch gives 0 with a gradient.

    Args:
        p: (B, K) probabilities, rows sum to 1.
    """
    mean = at_least_float32(p).sum(dim=0) / max(len(p), 1)  # (K,)
    return -(mean * _safe_log(mean)).sum()


def _safe_log(values: Tensor) -> Tensor:
    return values.clamp(min=torch.finfo(values.dtype).tiny).log()


def fused_information(logits: Tensor, *, balance: float = 2.0) -> Tensor:
    """Views agree on their object's cluster, and clusters share the batch: fused mutual information.

        m_b = 1/M sum_v softmax(l_vb),   L = 1/M sum_v CE(m_b, softmax(l_vb)) - balance * H(1/B sum_b m_b)

    With balance 1 and the views in agreement it is minus the mutual information between an object and
    its cluster (RIM, Krause et al., 2010; IMSAT, Hu et al., 2017); the cross-entropy also pulls every
    view, and so every modality, to the mean of them all. The gradient passes through both sides.

    Args:
        logits: (M, B, K) of M views (modalities and augmentations) of the same B objects.
        balance: weight of the entropy of cluster sizes; above 1 keeps clusters alive from scratch.
    """
    if logits.ndim != 3:
        raise ValueError(f"logits must be (M, B, K), got {tuple(logits.shape)}")
    log_prob = at_least_float32(logits).log_softmax(dim=2)
    mean = log_prob.exp().mean(dim=0)  # (B, K)
    disagreement = -(mean * log_prob).sum(dim=2).sum() / max(logits.shape[0] * logits.shape[1], 1)
    return disagreement - balance * balance_entropy(mean)
