"""The residual block of PointMLP (Ma et al., 2022, section 3.2): two layers per point around a shortcut.

    out = ReLU(x + BN(W2 ReLU(BN(W1 x))))

State-dict keys are net1.{0,1} and net2.{0,1}; a stack of blocks has operation.{i}. No layer has a bias.
"""

from __future__ import annotations

from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.nn.batchnorm import BatchNorm
from anaglyph.nn.normed_linear import NormedLayer, normed_linear


class ResidualPoints(nn.Module):
    """One block over rows.

    Args:
        channels: D.
        hidden: channels between the layers.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.net1 = normed_conv(channels, hidden)
        self.net2 = normed_conv(hidden, channels)

    def forward(self, rows: Tensor) -> Tensor:
        """(..., D) -> (..., D)."""
        inner = F.relu_(normed_linear(rows, *layer_of(self.net1)))
        return F.relu_(normed_linear(inner, *layer_of(self.net2)) + rows)


class ResidualStack(nn.Module):
    """`blocks` residual blocks in a row, under the key `operation`."""

    def __init__(self, channels: int, hidden: int, *, blocks: int) -> None:
        super().__init__()
        self.operation = nn.Sequential(*(ResidualPoints(channels, hidden) for _ in range(blocks)))

    def forward(self, rows: Tensor) -> Tensor:
        """(..., D) -> (..., D)."""
        out: Tensor = self.operation(rows)
        return out


class NormedConv(nn.Module):
    """The parameters of a layer without bias and its normalisation, under the keys net.0 and net.1."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.net = normed_conv(before, after)

    @property
    def layer(self) -> NormedLayer:
        """For `normed_linear`."""
        return layer_of(self.net)


def normed_conv(before: int, after: int) -> nn.Sequential:
    """The parameters of a layer without bias (0) and its normalisation (1), for `normed_linear`."""
    return nn.Sequential(nn.Conv1d(before, after, 1, bias=False), BatchNorm(after))


def layer_of(pair: nn.Sequential) -> NormedLayer:
    """What `normed_conv` made."""
    return cast("NormedLayer", (pair[0], pair[1]))
