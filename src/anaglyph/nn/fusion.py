"""One vector of a shape and its pictures: MixCon3D's fusion layer (Gao et al., 2024), c = g([p ; v])."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.nn.adapter import Adapter, Head


class Fusion(nn.Module):
    """g of two vectors side by side, the shape's first.

    Args:
        dim: D, width of both and of the result.
        head: "mlp" makes g two maps with a GELU between them; else it is one affine map.
        normalize: bring both to unit length first, as the paper writes it; its code does not.
    """

    def __init__(self, dim: int, *, head: Head = "linear", normalize: bool = False) -> None:
        super().__init__()
        self.normalize = normalize
        self.joint = Adapter("mlp" if head == "mlp" else "linear", 2 * dim, dim)

    def forward(self, shape: Tensor, image: Tensor) -> Tensor:
        """(B, D), (B, D) -> (B, D), not normalised."""
        kind = torch.promote_types(torch.promote_types(shape.dtype, image.dtype), torch.float32)
        both = [shape.to(kind), image.to(kind)]
        if self.normalize:
            both = [F.normalize(vectors, dim=-1) for vectors in both]
        joined: Tensor = self.joint(torch.cat(both, dim=-1))
        return joined
