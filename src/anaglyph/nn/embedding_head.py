"""From an encoder's features to a unit vector: CMIC's head (Lin et al., 2021)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.nn.batchnorm import BatchNorm


class EmbeddingHead(nn.Module):
    """Batch normalisation, one matrix with a bias, unit length; in float32 whatever autocast says.

    Args:
        in_dim: C, width of the encoder.
        embed_dim: D, size of the shared space.
    """

    def __init__(self, in_dim: int, embed_dim: int) -> None:
        super().__init__()
        self.norm = BatchNorm(in_dim)
        self.linear = nn.Linear(in_dim, embed_dim)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C) -> (B, D) unit vectors."""
        with torch.autocast(features.device.type, enabled=False):
            values = features.to(self.linear.weight.dtype)
            return F.normalize(self.linear(self.norm(values)), dim=-1)
