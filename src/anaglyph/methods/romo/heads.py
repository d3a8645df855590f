"""Classifiers over embeddings."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class CosineHead(nn.Module):
    """Unit embeddings against unit prototypes over a temperature: classes become tight on the sphere.

    Args:
        embed_dim: D.
        clusters: K.
        temperature: > 0; logits are cosines divided by it.
    """

    def __init__(self, embed_dim: int, clusters: int, *, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.prototypes = nn.Parameter(torch.randn(clusters, embed_dim))

    def forward(self, embedding: Tensor) -> Tensor:
        """(..., D) -> (..., K) logits, float32 also under autocast."""
        with torch.autocast(embedding.device.type, enabled=False):
            unit = F.normalize(embedding.float(), dim=-1)
            return unit @ F.normalize(self.prototypes, dim=1).T / self.temperature


def classifier(
    kind: Literal["mlp", "linear", "cosine"], embed_dim: int, clusters: int, *, temperature: float
) -> nn.Module:
    """h: (B, D) embeddings -> (B, K) logits; "mlp" is RoMo's D -> 128 -> ReLU -> K."""
    if kind == "cosine":
        return CosineHead(embed_dim, clusters, temperature=temperature)
    if kind == "linear":
        return nn.Linear(embed_dim, clusters)
    return nn.Sequential(nn.Linear(embed_dim, 128), nn.ReLU(), nn.Linear(128, clusters))
