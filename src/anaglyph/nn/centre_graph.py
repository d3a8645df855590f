"""The graph network of Point-BERT's tokeniser and ACT's teacher (Yu et al., 2022; after DGCNN).

Unlike DGCNN the graph is fixed: the nearest *centres*, the same in all layers, and GroupNorm stands where
DGCNN has BatchNorm, so a cloud never sees its batch.

    edge i <- j:  [f_j - f_i ; f_i] -> Linear -> GroupNorm -> LeakyReLU -> maximum over j
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.nn.pointwise import Pointwise
from anaglyph.ops.gather import gather_neighbours

NORM_GROUPS = 4
NEIGHBOURS = 4
"""Centres per edge layer, the centre itself included."""
SLOPE = 0.2


class CentreGraph(nn.Module):
    """Four edge layers, their results side by side, and one layer for every token alike.

    State-dict keys are the official ones: input_trans, layer{1..4}.{0,1}, layer5.{0,1}.

    Args:
        before: channels of a token.
        after: channels of the result, a multiple of 4 like all widths.
        widths: channels of the input layer and after each of the four edge layers.
    """

    def __init__(
        self, before: int, after: int, *, widths: Sequence[int] = (128, 256, 512, 512, 1024)
    ) -> None:
        super().__init__()
        if len(widths) != 5 or any(width < 1 or width % NORM_GROUPS for width in (*widths, after)):
            raise ValueError(
                f"widths must be five multiples of {NORM_GROUPS} and after one more, "
                f"got {tuple(widths)} and {after}"
            )
        self.input_trans = Pointwise(before, widths[0])
        for number, (inner, outer) in enumerate(pairwise(widths), start=1):
            edge = nn.Conv2d(2 * inner, outer, 1, bias=False)
            self.add_module(f"layer{number}", nn.Sequential(edge, nn.GroupNorm(NORM_GROUPS, outer)))
        last = Pointwise(sum(widths[1:]), after, bias=False)
        self.layer5 = nn.Sequential(last, nn.GroupNorm(NORM_GROUPS, after))

    def forward(self, tokens: Tensor, near: Tensor) -> Tensor:
        """(B, G, before) tokens, (B, G, K) rows of each token's neighbours -> (B, G, after)."""
        features = self.input_trans(tokens)
        levels = []
        for number in range(1, 5):
            convolution, norm = self.get_submodule(f"layer{number}").children()
            centre = features[:, :, None, :].expand(-1, -1, near.shape[2], -1)
            edges = torch.cat([gather_neighbours(features, near) - centre, centre], dim=3)  # (B, G, K, 2C)
            values = F.linear(edges, convolution.weight.flatten(1))  # type: ignore[operator]
            features = _activated(values, norm).amax(dim=2)
            levels.append(features)
        last, norm = self.layer5.children()
        return _activated(last(torch.cat(levels, dim=2)), norm)


def _activated(values: Tensor, norm: nn.Module) -> Tensor:
    """GroupNorm over all but the first axis, channels last, and LeakyReLU."""
    normalised: Tensor = norm(values.movedim(-1, 1)).movedim(1, -1)
    return F.leaky_relu(normalised, SLOPE)
