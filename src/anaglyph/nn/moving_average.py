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
    """

    updates: Tensor

    def __init__(self, source: nn.Module, *, decay: float, warm_up: bool = True) -> None:
        super().__init__()
        if not 0 <= decay < 1:
            raise ValueError(f"decay must lie in [0, 1), got {decay}; 0.99 is usual")
        self.decay, self.warm_up = decay, warm_up
        self.module = copy.deepcopy(source).requires_grad_(False)
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def update(self, source: nn.Module) -> None:
        """Move one step towards `source`; integer buffers are copied."""
        done = int(self.updates)
        decay = min(self.decay, (1 + done) / (10 + done)) if self.warm_up else self.decay
        for mine, theirs in zip(self.module.state_dict().values(), source.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(theirs, 1 - decay)
            else:
                mine.copy_(theirs)
        self.updates += 1

    @torch.no_grad()
    def copy_from(self, source: nn.Module) -> None:
        """Start over from the weights of `source`."""
        self.module.load_state_dict(source.state_dict())
        self.updates.zero_()

    def train(self, mode: bool = True) -> MovingAverage:
        """Always in eval mode: an average has nothing to train."""
        super().train(False)
        return self
