"""Neighbours and their layer in PointMLP (Ma et al., 2022, section 3.3), the geometric affine module.

    e_ij = alpha * (f_j - f_i) / (sigma + 1e-5) + beta,    out_ij = ReLU(BN(W [e_ij ; f_i]))

sigma is one number per cloud: the standard deviation of all f_j - f_i of its groups. The half of W for f_i is
applied once per centre. Gradients stay finite where all points coincide and sigma is 0.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.nn.normed_linear import NormedLayer, finished, halves, prepared
from anaglyph.nn.padding import at_least_float32

_EPSILON = 1e-5


class GeometricAffine(nn.Module):
    """The learned alpha and beta, (1, 1, 1, C) as in the official files."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.affine_alpha = nn.Parameter(torch.ones(1, 1, 1, channels))
        self.affine_beta = nn.Parameter(torch.zeros(1, 1, 1, channels))

    def forward(self, grouped: Tensor, anchors: Tensor) -> Tensor:
        """(B, M, K, C) features of neighbours, (B, M, C) of the centres -> (B, M, K, C), in float32."""
        with torch.autocast(grouped.device.type, enabled=False):
            grouped, anchors = at_least_float32(grouped), at_least_float32(anchors)
            offset = grouped - anchors[:, :, None, :]
            scale = self.affine_alpha / (_deviation(offset) + _EPSILON)
            return torch.addcmul(self.affine_beta, offset, scale)


def transfer(affine: Tensor, anchors: Tensor, layer: NormedLayer) -> Tensor:
    """ReLU(BN(W [e_ij ; f_i])) of (B, M, K, C) and (B, M, C) -> (B, M, K, D)."""
    weight, shift = prepared(*layer)
    of_edge, of_anchor = halves(weight, affine.shape[-1])
    values = F.linear(affine, of_edge) + F.linear(anchors, of_anchor, shift)[:, :, None, :]
    return F.relu_(finished(values.flatten(0, 2), *layer)).view_as(values)


def _deviation(offset: Tensor) -> Tensor:
    """(B, 1, 1, 1) standard deviation per cloud, unbiased as published; its gradient at 0 is 0."""
    count = max(offset[0].numel() - 1, 1)
    centred = offset - offset.mean(dim=(1, 2, 3), keepdim=True)
    variance = centred.square().sum(dim=(1, 2, 3), keepdim=True) / count
    return variance.clamp(min=torch.finfo(variance.dtype).tiny).sqrt()
