"""An exponential moving average of modules: smoother weights for evaluation and for making labels."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class MovingAverage(nn.Module):
    """A frozen copy that follows its source: w <- d w + (1 - d) w_source, buffers included.

    The decay warms up as min(decay, (1 + n) / (10 + n)) over the n updates done, so early weights fade fast.
    All of its state is in the state dict.

    Args:
        source: module to copy and to follow.
        decay: d, in [0, 1).
        warm_up: false holds the decay from the first update on, as published code of MixCon3D does; the first
            weights then keep a share of decay^n.
        ramp: (first decay, updates): the decay rises evenly from the first to `decay` over so many updates,
            as the teacher of MUST and CrossMoST does; then `warm_up` is not read.
    """

    updates: Tensor

    def __init__(
        self, source: nn.Module, *, decay: float, warm_up: bool = True, ramp: tuple[float, int] | None = None
    ) -> None:
        super().__init__()
        if not 0 <= decay < 1:
            raise ValueError(f"decay must lie in [0, 1), got {decay}; 0.99 is usual")
        if ramp is not None and not (0 <= ramp[0] <= decay and ramp[1] >= 1):
            raise ValueError(f"ramp must be (first decay up to {decay}, updates >= 1), got {ramp}")
        self.decay, self.warm_up, self.ramp = decay, warm_up, ramp
        self.module = copy.deepcopy(source).requires_grad_(False).eval()
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def update(self, source: nn.Module) -> None:
        """Move one step towards `source`; integer buffers are copied."""
        decay = self.current_decay()
        for mine, theirs in zip(self.module.state_dict().values(), source.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(theirs, 1 - decay)
            else:
                mine.copy_(theirs)
        self.updates += 1

    def current_decay(self) -> float:
        """The decay of the next update."""
        done = int(self.updates)
        if self.ramp is not None:
            first, updates = self.ramp
            return first + (self.decay - first) * min(1.0, done / updates)
        return min(self.decay, (1 + done) / (10 + done)) if self.warm_up else self.decay

    @torch.no_grad()
    def copy_from(self, source: nn.Module) -> None:
        """Start over from the weights of `source`."""
        self.module.load_state_dict(source.state_dict())
        self.updates.zero_()

    def train(self, mode: bool = True) -> MovingAverage:
        """Always in eval mode: an average has nothing to train."""
        super().train(False)
        return self
