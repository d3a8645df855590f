"""Sums and rows over all processes of a run, with gradients; the identity in a run of one process.

The gradient of every function here is that of the *sum* of the losses of all processes. A loss that every
process computes over the joined batch therefore gives, averaged by DDP, the gradient of a single process
with that batch.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd.function import once_differentiable


def processes() -> int:
    """How many processes take part; 1 when torch.distributed is not initialised."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def first_row(rows: int) -> int:
    """Where this process's rows begin among those of all processes, each of which brings as many."""
    return dist.get_rank() * rows if processes() > 1 else 0


def gather_rows(x: Tensor) -> Tensor:
    """(B, ...) -> (processes * B, ...), the rows of all processes in rank order.

    Every process must bring the same shape: drop the last, smaller batch.
    """
    if processes() == 1:
        return x
    result: Tensor = _GatherRows.apply(x)  # type: ignore[no-untyped-call]
    return result


def sum_over_processes(x: Tensor) -> Tensor:
    """The elementwise sum of `x` over all processes."""
    if processes() == 1:
        return x
    result: Tensor = _SumOverProcesses.apply(x)  # type: ignore[no-untyped-call]
    return result


class _GatherRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.rows = len(x)
        parts = [torch.empty_like(x, memory_format=torch.contiguous_format) for _ in range(processes())]
        dist.all_gather(parts, x.contiguous())
        return torch.cat(parts)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        first = dist.get_rank() * ctx.rows
        return total[first : first + ctx.rows]


class _SumOverProcesses(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total
