"""Rows of points and of neighbours from a batch of clouds."""

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
    """(B, M, K) rows within each cloud -> (B * M, K) rows of `values.flatten(0, 1)`."""
    if values.ndim != 3 or index.ndim != 3 or len(values) != len(index):
        raise ValueError(
            f"values must be (B, N, C) and index (B, M, K), "
            f"got {tuple(values.shape)} and {tuple(index.shape)}"
        )
    first = torch.arange(len(values), device=index.device) * values.shape[1]
    return (index + first[:, None, None]).flatten(0, 1)
