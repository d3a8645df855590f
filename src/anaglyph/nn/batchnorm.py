"""Batch normalisation for any number of trailing dimensions and any number of processes.

(Ioffe and Szegedy, 2015.) State-dict keys and results are those of torch's BatchNorm1d/2d. In training with
several processes the statistics, and their gradients, are those of the joined batch, on CPU and GPU alike.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from anaglyph.nn.gather import processes, sum_over_processes


class BatchNorm(_BatchNorm):
    """Normalises (B, C) or (B, C, ...) per channel C.

    Args:
        channels: C.
        eps: added to the variance.
        momentum: share of the newest batch in the running statistics.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    momentum: float

    def __init__(self, channels: int, *, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__(channels, eps=eps, momentum=momentum)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, ...) -> the same shape and type."""
        if not self.training:
            return F.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
            )
        if processes() > 1:
            return self._over_processes(x)
        require_several(x.numel() // self.num_features)
        self.num_batches_tracked.add_(1)
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, True, self.momentum, self.eps
        )

    @torch.no_grad()
    def track(self, mean: Tensor, variance: Tensor, count: Tensor | int) -> None:
        """Move the running statistics towards a batch of `count` values: (C,) mean, biased variance."""
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean.to(self.running_mean), self.momentum)
        unbiased = variance * (count / (count - 1))
        self.running_var.lerp_(unbiased.to(self.running_var), self.momentum)

    def _over_processes(self, x: Tensor) -> Tensor:
        over = [d for d in range(x.ndim) if d != 1]
        shape = [1, -1] + [1] * (x.ndim - 2)
        with torch.autocast(x.device.type, enabled=False):
            values = x if x.dtype == torch.float64 else x.float()
            here = torch.full((1,), values.numel() // self.num_features, dtype=torch.float64, device=x.device)
            totals = sum_over_processes(torch.cat([values.sum(dim=over).double(), here]))
            count = totals[-1].detach()
            require_several(int(count))
            mean = (totals[:-1] / count).to(values.dtype)
            centred = values - mean.view(shape)
            variance = sum_over_processes(centred.square().sum(dim=over)) / count.to(values.dtype)
            self.track(mean, variance, count)
            scale = self.weight * torch.rsqrt(variance + self.eps)
            return (centred * scale.view(shape) + self.bias.view(shape)).to(x.dtype)


def require_several(values: int) -> None:
    """ValueError when a batch cannot have a variance."""
    if values < 2:
        raise ValueError(
            f"batch normalisation in training needs at least 2 values per channel, got {values}; "
            f"use a larger batch, drop the last one or call eval() first"
        )
