"""A learned scale of similarities, s = exp(theta): one over a temperature (Radford et al., 2021)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

START = 1 / 0.07
"""14.29, where CLIP, OpenShape and MixCon3D begin."""
LARGEST = 100.0
"""What they keep it below."""


class LogScale(nn.Module):
    """theta, and s = exp(theta).

    theta is a vector of one number: sharded training (FSDP2) takes no scalars.

    Args:
        start: s at the start, > 0.
        largest: `clamp` keeps s in [1, largest]; None leaves it free.
    """

    def __init__(self, *, start: float = START, largest: float | None = LARGEST) -> None:
        super().__init__()
        if not start > 0:
            raise ValueError(f"start must be > 0, got {start}; 14.3 is usual, 10 for the sigmoid loss")
        if largest is not None and not largest >= 1:
            raise ValueError(f"largest must be >= 1 or None, got {largest}; 100 is usual")
        self.largest = largest
        self.log_scale = nn.Parameter(torch.tensor([math.log(start)]))

    def forward(self) -> Tensor:
        """s, a scalar with a gradient."""
        return self.log_scale.exp()[0]

    @torch.no_grad()
    def clamp(self) -> None:
        """Bring theta back into [0, ln largest]; for after an optimiser step."""
        if self.largest is not None:
            self.log_scale.clamp_(0.0, math.log(self.largest))
