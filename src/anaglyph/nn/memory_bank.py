"""A smoothed unit embedding for every object of the training set, addressed by its row in the data set."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class MemoryBank(nn.Module):
    """Buffers only, so that a checkpoint of the method holds them.

    Args:
        items: N objects.
        channels: D of an embedding.
    """

    bank: Tensor
    filled: Tensor

    def __init__(self, items: int, channels: int) -> None:
        super().__init__()
        if items < 1 or channels < 1:
            raise ValueError(f"items and channels must be >= 1, got {items} and {channels}")
        self.register_buffer("bank", torch.zeros(items, channels))
        self.register_buffer("filled", torch.zeros(items, dtype=torch.bool))

    def __len__(self) -> int:
        return len(self.bank)

    @torch.no_grad()
    def fill(self, indices: Tensor, embeddings: Tensor) -> None:
        """Set rows (B,) to the unit vectors of `embeddings` (B, D), forgetting what they held."""
        self._check(indices, embeddings)
        self.bank[indices] = F.normalize(embeddings.to(self.bank), dim=1)
        self.filled[indices] = True

    @torch.no_grad()
    def update(self, indices: Tensor, embeddings: Tensor, momentum: float = 0.9) -> None:
        """M <- normalise(momentum * M + (1 - momentum) * e / |e|) for rows (B,) and embeddings (B, D)."""
        if not 0.0 <= momentum <= 1.0:
            raise ValueError(f"momentum must be in [0, 1], got {momentum}")
        self._check(indices, embeddings)
        new = F.normalize(embeddings.to(self.bank), dim=1)
        mixed = F.normalize(momentum * self.rows(indices) + (1.0 - momentum) * new, dim=1)
        self.bank[indices] = mixed

    def rows(self, indices: Tensor) -> Tensor:
        """(B,) indices -> (B, D) unit vectors, a copy without gradient."""
        self._check_range(indices)
        if not bool(self.filled[indices].all()):
            empty = int(indices[~self.filled[indices]][0])
            raise ValueError(f"row {empty} of the memory was never filled; fill every row before reading it")
        return self.bank[indices]

    def _check(self, indices: Tensor, embeddings: Tensor) -> None:
        if embeddings.shape != (len(indices), self.bank.shape[1]):
            wanted = (len(indices), self.bank.shape[1])
            raise ValueError(f"embeddings must be {wanted}, got {tuple(embeddings.shape)}")
        self._check_range(indices)
        values, counts = torch.unique(indices, return_counts=True)
        if len(values) != len(indices):
            twice = int(values[counts > 1][0])
            raise ValueError(
                f"index {twice} stands twice among the rows to write; each object once per batch"
            )

    def _check_range(self, indices: Tensor) -> None:
        if indices.ndim != 1 or indices.is_floating_point() or indices.dtype == torch.bool:
            raise ValueError(f"indices must be (B,) integers, got {indices.dtype} {tuple(indices.shape)}")
        outside = (indices < 0) | (indices >= len(self.bank))
        if bool(outside.any()):
            bad = int(indices[outside][0])
            raise ValueError(
                f"index {bad} is outside the memory; rows are 0 to {len(self.bank) - 1}, "
                f"so build it for the data set that is trained on"
            )
