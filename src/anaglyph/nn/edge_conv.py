"""Edge convolution (DGCNN; Wang et al., 2019): what a point learns from its neighbours.

    out_i = max over j in N(i) of act(BN(W [x_j - x_i ; x_i]))

With W = [W1, W2] an edge is a sum of two terms per point, W1 x_j + (W2 - W1) x_i. Its mean and variance over
all edges follow from the mean and covariance of (x_j, x_i), which need only sums over neighbours of the
*input*. So the normalisation is known before any edge exists, and its scale and shift fold into the weights:

    s = gamma / std,  t = beta - s mean
    a_j = s W1 x_j,   b_i = s (W2 - W1) x_i + t,   out_i = act(b_i + max_j a_j)

The activation is monotone and b_i does not depend on j; where gamma is negative, the sign within s turns the
maximum over a_j into the minimum that it has to be. Equal to the literal form up to rounding, training
included.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.nn.batchnorm import BatchNorm, require_several
from anaglyph.nn.gather import processes, sum_over_processes
from anaglyph.nn.padding import at_least_float32
from anaglyph.ops.gather import flat_rows, gather_neighbours
from anaglyph.ops.neighbour_reduce import neighbour_max, neighbour_sum

EdgeForm = Literal["split", "literal"]
_FEW_CHANNELS = 16
"""Up to here moments are summed in float64: near neighbours differ little, so the variance cancels most."""


class EdgeConv(nn.Module):
    """One edge convolution with batch normalisation and LeakyReLU.

    Computed in float32 under autocast: in bfloat16 the difference of two near neighbours would be lost.

    Args:
        in_channels: C of the points.
        out_channels: D of the result.
        form: "split" as above; "literal" builds every edge, for reference. Their weights are interchangeable.
        negative_slope: of the LeakyReLU.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        form: EdgeForm = "split",
        negative_slope: float = 0.2,
    ) -> None:
        super().__init__()
        if form not in ("split", "literal"):
            raise ValueError(f"form must be 'split' or 'literal', got '{form}'")
        if not 0.0 <= negative_slope <= 1.0:
            raise ValueError(f"negative_slope must be in [0, 1] to be monotone, got {negative_slope}")
        self.form = form
        self.negative_slope = negative_slope
        self.linear = nn.Linear(2 * in_channels, out_channels, bias=False)
        self.norm = BatchNorm(out_channels)

    def forward(self, points: Tensor, neighbours: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, C) features, (B, N, K) rows of neighbours -> (B, N, D).

        Rows that `valid` (B, N) leaves out do not enter the statistics, and their results mean nothing.
        """
        with torch.autocast(points.device.type, enabled=False):
            points = at_least_float32(points)
            if self.form == "literal":
                return self._literal(points, neighbours, valid)
            return self._split(points, neighbours, valid)

    def _split(self, points: Tensor, neighbours: Tensor, valid: Tensor | None) -> Tensor:
        of_difference, of_centre = self.linear.weight.chunk(2, dim=1)
        weight = torch.cat([of_difference, of_centre - of_difference], dim=1)  # (D, 2C) of (x_j, x_i)
        if self.training:
            mean, variance = self._edge_statistics(weight, points, neighbours, valid)
        else:
            mean, variance = self.norm.running_mean, self.norm.running_var
        scale = self.norm.weight * torch.rsqrt(variance + self.norm.eps)
        shift = self.norm.bias - scale * mean
        of_neighbour, of_point = (scale[:, None] * weight).chunk(2, dim=1)
        best = neighbour_max(F.linear(points, of_neighbour), neighbours)
        return F.leaky_relu(best + F.linear(points, of_point, shift), self.negative_slope)

    def _edge_statistics(
        self, weight: Tensor, points: Tensor, neighbours: Tensor, valid: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Mean and biased variance (D,) of weight (x_j, x_i) over the edges of all processes."""
        mean, covariance, count = _edge_moments(points, neighbours, valid)
        known = valid is None and processes() == 1  # then the device is not asked
        require_several(neighbours.numel() if known else int(count))
        mean, covariance = mean.to(weight.dtype), covariance.to(weight.dtype)
        mean_of_edges = weight @ mean
        variance = ((weight @ covariance) * weight).sum(dim=1).clamp(min=0.0)
        self.norm.track(mean_of_edges.detach(), variance.detach(), count.to(weight.dtype))
        return mean_of_edges, variance

    def _literal(self, points: Tensor, neighbours: Tensor, valid: Tensor | None) -> Tensor:
        near = gather_neighbours(points, neighbours)  # (B, N, K, C)
        centre = points[:, :, None, :].expand_as(near)
        edges = torch.cat([near - centre, centre], dim=3)
        if valid is not None:
            edges = edges[valid][None]  # (1, M, K, 2C)
        values = self.linear(edges)  # (B, N, K, D)
        values = F.leaky_relu(self.norm(values.flatten(0, 2)), self.negative_slope).view_as(values)
        best = values.max(dim=2).values
        if valid is None:
            return best
        return best.new_zeros(*points.shape[:2], best.shape[2]).index_put((valid,), best[0])


def _edge_moments(points: Tensor, neighbours: Tensor, valid: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (2C,) and covariance (2C, 2C) of (x_j, x_i) over edges, and how many edges there are."""
    channels, per_point = points.shape[2], neighbours.shape[2]
    flat = flat_rows(points, neighbours)
    rows = points.flatten(0, 1)
    used = torch.ones_like(rows[:, 0]) if valid is None else valid.flatten().to(rows.dtype)
    reads = torch.bincount(flat.flatten(), used.repeat_interleave(per_point), len(rows)).to(rows.dtype)

    first = torch.cat(
        [(rows * used[:, None]).sum(dim=0).detach().double(), used.sum(dtype=torch.float64)[None]]
    )
    first = sum_over_processes(first)
    count = first[-1] * per_point
    centre = (first[:-1] / first[-1]).to(rows.dtype)  # a constant: moments do not depend on it

    rows = (rows - centre) * used[:, None]
    near = neighbour_sum(rows.view_as(points), neighbours).flatten(0, 1)  # sum of x_j over N(i)
    if channels <= _FEW_CHANNELS:
        rows, near = rows.double(), near.double()
    read, own = rows * reads[:, None], rows * per_point
    sums = torch.cat([read.sum(dim=0), own.sum(dim=0)])  # (2C,)
    products = torch.cat([read, near, own], dim=1).T @ rows  # (3C, C)
    packed = sum_over_processes(torch.cat([sums, products.flatten()])) / count.to(rows.dtype)

    mean = packed[: 2 * channels]
    near_near, near_own, own_own = packed[2 * channels :].view(3, channels, channels)
    second = torch.cat([torch.cat([near_near, near_own], 1), torch.cat([near_own.T, own_own], 1)])
    return mean + torch.cat([centre, centre]), second - torch.outer(mean, mean), count
