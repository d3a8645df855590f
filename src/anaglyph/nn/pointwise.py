"""One linear layer for every point alike, stored the way the official point-cloud networks store it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Pointwise(nn.Conv1d):
    """A convolution of size 1 that reads channels last; its weight is (after, before, 1).

    The same numbers as `nn.Conv1d(before, after, 1)` on (B, before, N), without turning the tensor around:
    one matrix product over all rows.
    """

    def __init__(self, before: int, after: int, *, bias: bool = True) -> None:
        super().__init__(before, after, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(..., before) -> (..., after)."""
        return F.linear(x, self.weight[:, :, 0], self.bias)


def joint_linear(first: Tensor, second: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """A linear layer on [first ; second] without joining the two in memory.

    One of them may be a single row for many of the other, such as what a whole patch or cloud says; its share
    of the product is then computed once for all of these.

    Args:
        first: (..., F).
        second: (..., S), leading dimensions broadcast against those of `first`.
        weight: (D, F + S).
        bias: (D,) or None.

    Returns:
        (..., D).
    """
    for_first, for_second = torch.split(weight, [first.shape[-1], second.shape[-1]], dim=1)
    return F.linear(first, for_first, bias) + F.linear(second, for_second)
