"""A cloud as a soft occupancy grid, read by a small CNN: pillars of a few planes (after Lang et al., 2019).

For shapes that carry their meaning in one plane (digits, silhouettes) this learns faster than a set
network; it needs a fixed frame, so it suits aligned data only.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from anaglyph.encoders.checks import require_positive
from anaglyph.encoders.digit_cnn import DigitCNN
from anaglyph.nn.padding import at_least_float32
from anaglyph.ops.checks import require_points


class PointGrid(nn.Module):
    """Trilinear splat onto planes x side x side cells, logarithm of the density, then the digits' CNN.

    Args:
        embed_dim: D, size of the embedding.
        side: cells along each of the other two axes.
        planes: cells along `axis`; they become the CNN's channels.
        axis: along which the planes are stacked: x through a digit, z up an object that stands.
        width: channels of the CNN's first layer.
        extent: half the edge of the covered box along the other axes, model units; points beyond are clamped.
        depth: half the edge along `axis`.
        coarse_stem: as in `digit_cnn`.
    """

    def __init__(
        self,
        *,
        embed_dim: int = 256,
        side: int = 28,
        planes: int = 3,
        axis: Literal["x", "y", "z"] = "x",
        width: int = 32,
        extent: float = 0.6,
        depth: float = 0.3,
        coarse_stem: bool = True,
    ) -> None:
        super().__init__()
        require_positive(planes=planes - 1)
        if side < 8 or not extent > 0 or not depth > 0:
            raise ValueError(f"side must be >= 8, extent and depth > 0, got {side}, {extent} and {depth}")
        self.embed_dim = embed_dim
        self.in_channels = 3
        self.side, self.planes = side, planes
        self.edges = (depth, extent, extent)
        self.order = {"x": (0, 1, 2), "y": (1, 2, 0), "z": (2, 0, 1)}[axis]
        self.cnn = DigitCNN(embed_dim=embed_dim, in_channels=planes, width=width, coarse_stem=coarse_stem)

    def forward(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, 3) points within the box, frame as trained; (B, N) bool `valid` -> (B, D)."""
        require_points(points, valid, channels=self.in_channels)
        embedding: Tensor = self.cnn(self.occupancy(points, valid))
        return embedding

    @torch.no_grad()
    def occupancy(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, 3) -> (B, planes, side, side) log(1 + density), 1 being points spread over one plane."""
        points = at_least_float32(points)[..., list(self.order)]  # planes first
        cells = points.new_tensor([self.planes, self.side, self.side])
        place = (points / points.new_tensor(self.edges) + 1) / 2 * (cells - 1)
        place = place.clamp(min=0).minimum(cells - 1 - 1e-3)  # (B, N, 3) in cells
        low = place.floor()
        up = place - low
        weight = torch.ones_like(points[..., 0]) if valid is None else valid.to(points.dtype)  # (B, N)
        cell = (low[..., 0] * self.side + low[..., 1]) * self.side + low[..., 2]
        index, share = [], []
        for x in (0, 1):
            for y in (0, 1):
                for z in (0, 1):
                    part = [up[..., axis] if one else 1 - up[..., axis] for axis, one in enumerate((x, y, z))]
                    share.append(weight * part[0] * part[1] * part[2])
                    index.append(cell + (x * self.side + y) * self.side + z)
        grid = points.new_zeros(len(points), self.planes * self.side * self.side)
        grid.scatter_add_(1, torch.cat(index, dim=1).long(), torch.cat(share, dim=1))
        density = grid * (self.side * self.side / weight.sum(dim=1, keepdim=True).clamp(min=1))
        return density.log1p().reshape(-1, self.planes, self.side, self.side)
