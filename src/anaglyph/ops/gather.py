"""Rows of points and of neighbours from a batch of clouds.

A row that its cloud does not have is never read from the cloud beside it. On the CPU it is an IndexError with
the numbers. Elsewhere, and in compiled code, a look at the index would wait for the device: there such a row
becomes one beyond the batch, which `index_select` itself refuses; on CUDA that is a device-side assertion.
"""

import torch
from torch import Tensor


def gather_neighbours(values: Tensor, index: Tensor) -> Tensor:
    """(B, N, C) values, (B, M, K) int64 rows of them -> (B, M, K, C), with gradients."""
    flat = flat_rows(values, index)
    return values.flatten(0, 1).index_select(0, flat.flatten()).view(*index.shape, values.shape[2])


def gather_points(values: Tensor, index: Tensor) -> Tensor:
    """(B, N, C) values, (B, M) int64 rows of them -> (B, M, C), with gradients."""
    if index.ndim != 2:
        raise ValueError(f"index must be (B, M), got {tuple(index.shape)}; gather_neighbours takes (B, M, K)")
    return gather_neighbours(values, index[:, :, None]).squeeze(2)


def flat_rows(values: Tensor, index: Tensor) -> Tensor:
    """(B, M, K) rows within each cloud -> (B * M, K) rows of `values.flatten(0, 1)`.

    Raises:
        ValueError: shapes that do not fit.
        IndexError: on the CPU, a row that is negative or not below N.
    """
    if values.ndim != 3 or index.ndim != 3 or len(values) != len(index):
        raise ValueError(
            f"values must be (B, N, C) and index (B, M, K), "
            f"got {tuple(values.shape)} and {tuple(index.shape)}"
        )
    clouds, rows = values.shape[:2]
    flat = index + (torch.arange(clouds, device=index.device) * rows)[:, None, None]
    if index.device.type == "cpu" and not torch.compiler.is_compiling():
        _require_rows(index, rows)
    else:
        flat = flat.masked_fill((index < 0) | (index >= rows), clouds * rows)
    return flat.flatten(0, 1)


def _require_rows(index: Tensor, rows: int) -> None:
    if index.numel() == 0:
        return
    low, high = index.aminmax()
    if int(low) >= 0 and int(high) < rows:
        return
    place = ((index < 0) | (index >= rows)).nonzero()[0].tolist()
    raise IndexError(
        f"index asks cloud {place[0]} for row {int(index[tuple(place)])}; "
        + (f"its rows are 0 to {rows - 1}" if rows else "it has no rows")
    )
