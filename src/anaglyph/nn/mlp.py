"""Stacks of linear layers: one for vectors, one shared by all points of a cloud."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from anaglyph.nn.batchnorm import BatchNorm


class MLP(nn.Sequential):
    """Linear -> ReLU -> ... -> Linear, with biases: (..., widths[0]) -> (..., widths[-1])."""

    def __init__(self, widths: Sequence[int]) -> None:
        if len(widths) < 2:
            raise ValueError(f"widths must name input and output, got {tuple(widths)}")
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.ReLU()]
        super().__init__(*layers[:-1])


class PointMLP(nn.Module):
    """Linear (no bias) -> BatchNorm -> activation for every point of every cloud alike.

    Padding rows are left out before the first layer, so they reach neither the result nor the statistics.

    Args:
        widths: channels before, between and after the layers.
        negative_slope: of the LeakyReLU after every layer; 0 is a ReLU.
    """

    def __init__(self, widths: Sequence[int], *, negative_slope: float = 0.0) -> None:
        super().__init__()
        if len(widths) < 2:
            raise ValueError(f"widths must name input and output, got {tuple(widths)}")
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after, bias=False), BatchNorm(after), nn.LeakyReLU(negative_slope)]
        self.layers = nn.Sequential(*layers)
        self.channels = widths[-1]

    def forward(self, points: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, C) points, (B, N) bool `valid` -> (B, N, widths[-1]), 0 in padding rows."""
        if valid is None:
            rows: Tensor = self.layers(points.flatten(0, 1))
            return rows.view(*points.shape[:2], -1)
        rows = self.layers(points[valid])
        return rows.new_zeros(*points.shape[:2], self.channels).index_put((valid,), rows)


def max_over_points(features: Tensor, valid: Tensor | None = None) -> Tensor:
    """(B, N, C) -> (B, C) maximum over the points that `valid` (B, N) allows."""
    if valid is not None:
        features = features.masked_fill(~valid[..., None], float("-inf"))
    return features.amax(dim=1)


def mean_over_points(features: Tensor, valid: Tensor | None = None) -> Tensor:
    """(B, N, C) -> (B, C) mean over the points that `valid` (B, N) allows."""
    if valid is None:
        return features.mean(dim=1)
    count = valid.sum(dim=1, keepdim=True).clamp(min=1)
    return features.masked_fill(~valid[..., None], 0.0).sum(dim=1) / count
