"""What of a picture or a cloud is hidden from the student (dossier CrossMoST, 1.3; after SimMIM, Point-BERT).

A mask is a function of the row key, so it is the same in any batch, on any process, and after a resume.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anaglyph.nn.padding import at_least_float32
from anaglyph.randomness import uniform

Rows = NDArray[np.uint64]
"""(B,) keys of `randomness.row_keys`."""


def cell_masks(rows: Rows, grid: tuple[int, int], *, cell: int, share: float) -> Tensor:
    """(B, h * w) bool: ceil(share * cells) square cells of `cell` x `cell` tokens, hidden in each picture.

    Args:
        rows: keys of the pictures.
        grid: h, w tokens; cells at the right and the lower border may be smaller.
        cell: side of a cell in tokens, >= 1.
        share: in [0, 1].
    """
    height, width = grid
    if min(height, width, cell) < 1 or not 0.0 <= share <= 1.0:
        raise ValueError(f"grid and cell must be >= 1 and share in [0, 1], got {grid}, {cell} and {share}")
    down, across = math.ceil(height / cell), math.ceil(width / cell)
    count = math.ceil(share * down * across - 1e-9)
    order = np.argsort(uniform(rows, "mask/cells", down * across), axis=1, kind="stable")
    hidden = np.zeros((len(rows), down * across), dtype=bool)
    np.put_along_axis(hidden, order[:, :count], True, axis=1)
    tokens = hidden.reshape(-1, down, across).repeat(cell, axis=1).repeat(cell, axis=2)
    return torch.from_numpy(np.ascontiguousarray(tokens[:, :height, :width]).reshape(len(rows), -1))


@torch.no_grad()
def block_masks(positions: Tensor, rows: Rows, *, share: tuple[float, float]) -> Tensor:
    """(B, G) bool: the floor(r G) of G positions nearest to a random one of them, r even in `share`.

    Args:
        positions: (B, G, 3) centres of patches, or points.
        rows: keys of the clouds.
        share: lowest and highest r, 0 <= low <= high <= 1.
    """
    low, high = share
    if positions.ndim != 3 or len(rows) != len(positions) or not positions.shape[1]:
        raise ValueError(
            f"positions must be (B, G >= 1, 3) for {len(rows)} rows, got {tuple(positions.shape)}"
        )
    if not 0.0 <= low <= high <= 1.0:
        raise ValueError(f"share must be 0 <= low <= high <= 1, got {share}")
    groups, device = positions.shape[1], positions.device
    draws = uniform(rows, "mask/block", 2)
    start = torch.from_numpy((draws[:, 0] * groups).astype(np.int64)).to(device)
    parts = low + (high - low) * draws[:, 1].astype(np.float64)
    count = torch.from_numpy(np.floor(parts * groups + 1e-6).astype(np.int64)).to(device)
    exact = at_least_float32(positions[..., :3])
    first = exact.gather(1, start[:, None, None].expand(-1, 1, 3))
    order = (exact - first).pow(2).sum(dim=2).argsort(dim=1, stable=True)
    nearest = torch.arange(groups, device=device) < count[:, None]  # (B, G) by rank
    return torch.zeros_like(nearest).scatter(1, order, nearest)
