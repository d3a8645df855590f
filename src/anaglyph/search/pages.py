"""What a query and a page of results must be before a store looks at them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def checked_query(vector: NDArray[np.float32], *, dim: int, limit: int, offset: int) -> NDArray[np.float32]:
    """(D,) float32; ValueError for another shape, numbers that are not finite, or a page that cannot be."""
    if vector.shape != (dim,) or not np.isfinite(vector).all():
        raise ValueError(f"a query must be {dim} finite numbers, got {vector.shape}")
    checked_page(limit, offset)
    return np.ascontiguousarray(vector, dtype=np.float32)


def checked_page(limit: int, offset: int) -> None:
    """ValueError for a page that cannot be."""
    if limit < 0 or offset < 0:
        raise ValueError(f"limit and offset must be >= 0, got {limit} and {offset}")
