"""Rows of all processes joined, of which each may bring another number; for measuring, without gradient."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor

from anaglyph.nn.gather import gather_rows, processes


def own_rows(count: int) -> range:
    """The rows of `count` that this process works off: neighbouring ones, in rank order."""
    if processes() == 1:
        return range(count)
    each = -(-count // processes())
    first = min(dist.get_rank() * each, count)
    return range(first, min(first + each, count))


@torch.no_grad()
def joined_rows(rows: Tensor, *, device: torch.device) -> Tensor:
    """(R, ...) of this process -> those of all processes in rank order, on the CPU.

    Args:
        rows: on the CPU; a process without any brings an empty tensor of any width.
        device: what the processes exchange tensors on.
    """
    if processes() == 1:
        return rows
    shape = torch.tensor([len(rows), *rows.shape[1:]], device=device)
    shapes = gather_rows(shape[None]).cpu()  # (W, axes)
    most, width = int(shapes[:, 0].max()), shapes[:, 1:].amax(dim=0).tolist()
    padded = torch.zeros(most, *width, dtype=rows.dtype, device=device)
    if len(rows):
        padded[: len(rows)] = rows.to(device)
    joined = gather_rows(padded).cpu().reshape(processes(), most, *width)
    return torch.cat([part[: int(count)] for part, count in zip(joined, shapes[:, 0], strict=True)])
