"""What the kernels share: the squared distance, the layout of the points searched, and how a launch is made.

The points searched lie as planes of x, y and z, filled up with infinity to whole tiles. Padding rows are
infinitely far as well, so that no kernel needs a mask in its inner loop, and every load is aligned.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.runtime.interpreter import InterpretedFunction

OPTIONS: Final = {"enable_fp_fusion": False}
"""For every launch: without it the compiler contracts a * b + c, and results differ from the other back-ends
in the last bit, which is enough to change which of two points is the farthest."""


@triton.jit  # type: ignore[untyped-decorator]
def squared_distance(
    ax: tl.tensor, ay: tl.tensor, az: tl.tensor, bx: tl.tensor, by: tl.tensor, bz: tl.tensor
) -> tl.tensor:
    """(dx dx + dy dy) + dz dz, rounded after each operation."""
    dx = ax - bx
    dy = ay - by
    dz = az - bz
    return (dx * dx + dy * dy) + dz * dz


@triton.jit  # type: ignore[untyped-decorator]
def append_hits(
    hit: tl.tensor, value: tl.tensor, found: tl.tensor, lists: tl.tensor, capacity: tl.tensor
) -> tl.tensor:
    """Append the values that are hits to one list per row, in order, as far as there is room.

    Args:
        hit: (Q, T) bool.
        value: (Q, T) what is appended.
        found: (Q,) hits before these.
        lists: (Q,) pointers to the start of each list.
        capacity: entries per list.

    Returns:
        (Q,) hits so far, those without room included.
    """
    number = hit.to(tl.int32)
    entry = found[:, None] + tl.cumsum(number, axis=1) - 1
    tl.store(lists[:, None] + entry, value, mask=hit & (entry < capacity))
    return found + tl.sum(number, axis=1)


def as_planes(reference: Tensor, valid: Tensor | None, *, multiple: int) -> Tensor:
    """(B, N, 3) points -> (B, 3, R), R the next multiple; infinity for padding rows and beyond N."""
    clouds, rows = reference.shape[:2]
    planes = reference.new_full((clouds, 3, -(-rows // multiple) * multiple), float("inf"))
    planes[:, :, :rows] = reference.transpose(1, 2)
    if valid is not None:
        planes[:, :, :rows].masked_fill_(~valid[:, None], float("inf"))
    return planes


def on_device(points: Tensor) -> AbstractContextManager[Any]:
    """Triton launches on the current device; this makes it the one of `points`.

    Raises:
        ValueError: the points are not on a GPU, and the kernels were not imported under TRITON_INTERPRET=1.
    """
    if points.device.type == "cuda":
        return torch.cuda.device(points.device)
    if points.device.type == "cpu" and isinstance(squared_distance, InterpretedFunction):
        return nullcontext()
    raise ValueError(
        f"Triton kernels run on CUDA devices, the points are on {points.device}; "
        "on a CPU they run in Triton's interpreter, when TRITON_INTERPRET=1 is set before Python starts"
    )
