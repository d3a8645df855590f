"""Features at new points from the three nearest known ones (Qi et al., PointNet++, 2017, equation 2)."""

from __future__ import annotations

import torch
from torch import Tensor

from anaglyph.ops.backends import Backend
from anaglyph.ops.coordinates import require_xyz
from anaglyph.ops.gather import gather_neighbours
from anaglyph.ops.knn import k_nearest


def interpolate_three(
    query: Tensor,
    reference: Tensor,
    features: Tensor,
    *,
    valid: Tensor | None = None,
    backend: Backend = "auto",
) -> Tensor:
    """sum_i w_i f_i / sum_i w_i over the three nearest points, w_i = 1 / (d_i^2 + 1e-8).

    A cloud of one or two points interpolates between those. Gradients go to the features; the weights count
    as given, as in the official kernels.

    Args:
        query: (B, M, 3) where features are wanted.
        reference: (B, N, 3) where they are known.
        features: (B, N, C); summed in float32 at least.
        valid: (B, N) bool, False for padding rows of `reference` and `features`.
        backend: implementation of the search; "auto" takes the fastest one installed.

    Returns:
        (B, M, C) of the type of `features`.
    """
    require_xyz(query, "query")
    require_xyz(reference, "reference")
    if features.ndim != 3 or features.shape[:2] != reference.shape[:2]:
        raise ValueError(
            f"features must be (B, N, C) with (B, N) = {tuple(reference.shape[:2])}, "
            f"got {tuple(features.shape)}"
        )
    index = k_nearest(query, reference, 3, valid=valid, shortage="repeat", backend=backend)
    with torch.autocast(query.device.type, enabled=False):
        weight = _weights(query, reference, valid, index)
        near = gather_neighbours(features, index)  # (B, M, 3, C)
        kind = torch.promote_types(features.dtype, torch.float32)
        return (near.to(kind) * weight[..., None].to(kind)).sum(dim=2).to(features.dtype)


@torch.no_grad()
def _weights(query: Tensor, reference: Tensor, valid: Tensor | None, index: Tensor) -> Tensor:
    """(B, M, 3) weights that sum to 1; a neighbour that repeats the first for want of others gets none."""
    kind = torch.promote_types(torch.promote_types(query.dtype, reference.dtype), torch.float32)
    near = gather_neighbours(reference.detach().to(kind), index)
    weight = 1.0 / ((near - query.detach().to(kind)[:, :, None]).square().sum(dim=3) + 1e-8)
    points = reference.shape[1] if valid is None else valid.sum(dim=1)[:, None, None]
    weight = weight * (torch.arange(3, device=index.device) < points)
    return weight / weight.sum(dim=2, keepdim=True)
