"""Small maps behind frozen features: one affine map, two with a GELU between them, or none (MixCon3D's h).

They compute in their parameters' precision whatever autocast says: they cost nothing beside the encoder, and
half precision would round the frozen features that everything is compared with.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Head = Literal["linear", "mlp", "none"]


class Adapter(nn.Module):
    """(..., in_dim) -> (..., out_dim).

    Args:
        kind: "linear" is x W + b; "mlp" is Linear -> GELU -> Linear with out_dim channels between; "none"
            passes features through, and in_dim must equal out_dim.
        in_dim: width of the features.
        out_dim: width of the shared space.
    """

    def __init__(self, kind: Head, in_dim: int, out_dim: int) -> None:
        super().__init__()
        if kind == "none":
            if in_dim != out_dim:
                raise ValueError(f"without a head in_dim must equal out_dim, got {in_dim} and {out_dim}")
            self.layers = nn.Sequential()
        elif kind == "linear":
            self.layers = nn.Sequential(nn.Linear(in_dim, out_dim))
        elif kind == "mlp":
            self.layers = nn.Sequential(nn.Linear(in_dim, out_dim), nn.GELU(), nn.Linear(out_dim, out_dim))
        else:
            raise ValueError(f"kind must be 'linear', 'mlp' or 'none', got {kind!r}")

    def forward(self, features: Tensor) -> Tensor:
        """(..., in_dim) -> (..., out_dim), at least float32."""
        weight = next(self.parameters(), features)
        kind = torch.promote_types(weight.dtype, torch.float32)
        with torch.autocast(features.device.type, enabled=False):
            mapped: Tensor = self.layers(features.to(kind))
            return mapped
