"""What each branch predicted on average, for the fairness term of many classes (MUST, from 512 on).

A batch of a few hundred rows cannot hold every one of a thousand classes, so its own mean is never even.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from anaglyph.losses.self_training import log_mean_prediction


class RunningMean(nn.Module):
    """log pbar of some branches, moved by steps that were taken.

    Args:
        branches: names, such as "image".
        classes: C.
    """

    def __init__(self, branches: tuple[str, ...], classes: int) -> None:
        super().__init__()
        self.branches = branches
        for name in branches:
            self.register_buffer(name, torch.full((classes,), -math.log(classes)))
        self._next: dict[str, Tensor] = {}

    def before(self, branch: str) -> Tensor:
        """(C,) log pbar after the last step; even at first."""
        return self.get_buffer(branch)

    @torch.no_grad()
    def see(self, branch: str, logits: Tensor) -> None:
        """Remember (B, C) logits of the joined batch until the step is taken."""
        self._next[branch] = log_mean_prediction(logits, before=self.before(branch))

    @torch.no_grad()
    def after_step(self) -> None:
        """Take over what was seen last."""
        for branch, value in self._next.items():
            self.before(branch).copy_(value)
        self._next = {}
