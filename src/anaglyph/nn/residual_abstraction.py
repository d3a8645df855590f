"""Set abstraction of PointNeXt (Qian et al., 2022): positions in units of the radius, and a shortcut.

    out_i = ReLU(max over j in ball of MLP([(x_j - x_i) / r ; f_j]) + S f_i)

The number of centres is a share of the *valid* points of each cloud, so clouds of one batch may keep
different numbers of them and padding changes nothing. State-dict keys are skipconv.0 and convs.{i}.{0,1}.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.nn.batchnorm import BatchNorm
from anaglyph.nn.centres import choose_centres
from anaglyph.nn.normed_linear import (
    NormedLayer,
    matrix,
    normed_linear,
    normed_linear_at_edges,
    shared_mlp,
    shared_mlp_of_valid,
)
from anaglyph.nn.padding import scatter_rows
from anaglyph.nn.patches import Start
from anaglyph.ops.ball import ball_query
from anaglyph.ops.checks import Shortage, require_enough
from anaglyph.ops.gather import flat_rows, gather_neighbours, gather_points


class ResidualAbstraction(nn.Module):
    """One stage: every `stride`-th point stays and reads its ball.

    Args:
        in_channels: C of the features.
        widths: channels after each layer; the last is D.
        stride: points per centre.
        radius: of the balls, in model units.
        neighbours: K, points read per ball, those with the lowest rows.
        start: first centre, see `choose_centres`.
        shortage: for a cloud with fewer points than `stride`; "repeat" keeps one centre.
    """

    def __init__(
        self,
        in_channels: int,
        widths: Sequence[int],
        *,
        stride: int,
        radius: float,
        neighbours: int,
        start: Start = "farthest",
        shortage: Shortage = "refuse",
    ) -> None:
        super().__init__()
        self.skipconv = nn.Sequential(nn.Conv1d(in_channels, widths[-1], 1))
        self.convs = normed_convs((3 + in_channels, *widths))
        self.stride, self.radius, self.neighbours = stride, radius, neighbours
        self.start, self.shortage = start, shortage

    def forward(
        self, xyz: Tensor, features: Tensor, valid: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """(B, N, 3) positions, (B, N, C) features, (B, N) bool -> the same of the centres, M at most."""
        with torch.autocast(xyz.device.type, enabled=False):
            count, kept = self._counts(xyz, valid)
            chosen = choose_centres(xyz, count, valid=valid, start=self.start, shortage="repeat")
            centres = gather_points(xyz, chosen)
            index = ball_query(centres, xyz, self.radius, self.neighbours, valid=valid)  # (B, M, K)
            relative = (gather_neighbours(xyz, index) - centres[:, :, None, :]) / self.radius
        flat, own = flat_rows(features, index), gather_points(features, chosen)
        if kept is not None:
            flat, own, relative = flat[kept.flatten()], own[kept], relative[kept]
        first, *rest = layers_of(self.convs)
        rows = normed_linear_at_edges(relative, features, *first, flat)
        if rest:
            rows = normed_linear(shared_mlp(F.relu_(rows), rest[:-1]), *rest[-1])
        best = rows.view(*flat.shape, -1).max(dim=1).values  # (B * M, D)
        skip = cast("nn.Conv1d", self.skipconv[0])
        out = F.relu(best + F.linear(own.flatten(0, -2), matrix(skip), skip.bias))
        return centres, out.view(*chosen.shape, -1) if kept is None else scatter_rows(out, kept), kept

    def _counts(self, xyz: Tensor, valid: Tensor | None) -> tuple[int, Tensor | None]:
        """The largest number of centres of the batch, and (B, M) which centres exist where numbers differ."""
        what = "points of one centre"
        if valid is None:
            require_enough(xyz.shape[1], self.stride, what=what, shortage=self.shortage)
            return max(xyz.shape[1] // self.stride, 1), None
        points = valid.sum(dim=1)
        require_enough(int(points.min()), self.stride, what=what, shortage=self.shortage)
        counts = (points // self.stride).clamp(min=1)
        most = int(counts.max())
        kept = torch.arange(most, device=counts.device) < counts[:, None]
        return most, None if bool(kept.all()) else kept


class ResidualGlobalAbstraction(nn.Module):
    """The last stage of PointNeXt: all points in one group, positions as they are, no shortcut.

    Args:
        in_channels: C of the features.
        widths: channels after each layer.
    """

    def __init__(self, in_channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.convs = normed_convs((3 + in_channels, *widths))

    def forward(self, xyz: Tensor, features: Tensor, valid: Tensor | None = None) -> Tensor:
        """(B, N, 3) positions, (B, N, C) features, (B, N) bool `valid` -> (B, D)."""
        rows = torch.cat([xyz, features], dim=2)
        return shared_mlp_of_valid(rows, layers_of(self.convs), valid).amax(dim=1)  # no row is below its 0


def normed_convs(widths: Sequence[int]) -> nn.Sequential:
    """Convolutions of size 1 without bias and their normalisations, keys {i}.0 and {i}.1."""
    return nn.Sequential(
        *(
            nn.Sequential(nn.Conv2d(before, after, 1, bias=False), BatchNorm(after))
            for before, after in pairwise(widths)
        )
    )


def layers_of(convs: nn.Sequential) -> list[NormedLayer]:
    """What `normed_convs` made, layer by layer."""
    return [cast("NormedLayer", tuple(cast("nn.Sequential", pair))) for pair in convs]
