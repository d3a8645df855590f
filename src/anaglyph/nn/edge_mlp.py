"""Several layers per edge, then the maximum over neighbours (DGCNN for segmentation; Wang et al., 2019).

    out_i = max over j in N(i) of h2(h1([x_j - x_i ; x_i])),  h = LeakyReLU(BN(W .))

The first layer is split as in `nn.edge_conv`: W1 x_j + (W2 - W1) x_i, once per point. Its result exists for
every edge, because the second layer reads it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from anaglyph.nn.normed_linear import NormedLayer, finished, normed_linear, prepared
from anaglyph.nn.padding import at_least_float32, scatter_rows
from anaglyph.ops.gather import flat_rows


def edge_mlp(
    points: Tensor,
    neighbours: Tensor,
    layers: Sequence[NormedLayer],
    valid: Tensor | None = None,
    *,
    negative_slope: float = 0.2,
) -> Tensor:
    """In float32 under autocast, for the difference of near neighbours is small.

    Args:
        points: (B, N, C).
        neighbours: (B, N, K) rows of neighbours.
        layers: the first with 2 C input channels.
        valid: (B, N) bool; padding rows are left out of the statistics and come back as 0.
        negative_slope: of the LeakyReLU after each layer.

    Returns:
        (B, N, D).
    """
    with torch.autocast(points.device.type, enabled=False):
        points = at_least_float32(points)
        rows, flat = points.flatten(0, 1), flat_rows(points, neighbours)
        own = rows
        if valid is not None:
            own, flat = rows[valid.flatten()], flat[valid.flatten()]
        values = _first(rows, own, flat, layers[0])
        for layer in layers[1:]:
            values = normed_linear(F.leaky_relu_(values, negative_slope), *layer)
        best = values.view(*flat.shape, -1).max(dim=1).values
        best = F.leaky_relu(best, negative_slope)  # monotone, so the same before the maximum
    return best.view(*points.shape[:2], -1) if valid is None else scatter_rows(best, valid)


def _first(rows: Tensor, own: Tensor, flat: Tensor, layer: NormedLayer) -> Tensor:
    """(R * K, D), normalised, of (R, C) centres and (R, K) their neighbours among all `rows`."""
    weight, shift = prepared(*layer)
    of_difference, of_centre = weight.chunk(2, dim=1)
    near = F.linear(rows, of_difference).index_select(0, flat.flatten()).view(*flat.shape, -1)
    values = near + F.linear(own, of_centre - of_difference, shift)[:, None, :]
    return finished(values.flatten(0, 1), *layer)
