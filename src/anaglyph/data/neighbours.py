"""The nearest rows of stored features: exact, in bounded memory, and the same whatever the size of a chunk.

Cosines are taken in float64 and compared on a grid of 2^-28, finer than float32: equal rows tie although
matrix products round by position, and of those that tie the lower comes first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from anaglyph.errors import DataError

_GRID = 2**28
_PLACES = 2**32
"""More rows than there can be; the grid's numbers stand above them in one int64."""
_NONE = -1


def nearest_rows(
    features: NDArray[np.floating[Any]],
    nearest: int,
    *,
    rows: range | None = None,
    query_chunk: int = 1024,
    chunk: int = 16384,
    device: torch.device | str = "cpu",
) -> NDArray[np.int32]:
    """(R, nearest) the rows of largest cosine to each of `rows`, best first, without the row itself.

    Args:
        features: (N, D) finite; may be a memory map. A row of zeros is a right angle from everything.
        nearest: how many, from 1 to N - 1.
        rows: those asked for, with step 1; None is all.
        query_chunk: rows asked for at once.
        chunk: rows compared with at once.
        device: where products are taken.

    Raises:
        DataError: features that are not finite, or fewer rows than that.
    """
    if features.ndim != 2 or min(query_chunk, chunk) < 1:
        raise ValueError(
            f"features must be (N, D) and chunks >= 1, got {features.shape}, {query_chunk} and {chunk}"
        )
    if not 1 <= nearest < len(features):
        raise DataError(
            f"the {nearest} nearest of {len(features)} objects are asked for, and each has "
            f"{len(features) - 1} others; ask for fewer, or give more objects."
        )
    asked = range(len(features)) if rows is None else rows
    found = np.empty((len(asked), nearest), dtype=np.int32)
    for first in range(0, len(asked), query_chunk):
        own = asked[first : first + query_chunk]
        query = _unit(features, own, device)
        best = torch.full((len(own), 0), _NONE, dtype=torch.int64, device=device)
        for others, scores in _scores(query, own, features, chunk, device):
            # One number that sorts by cosine, then by the lower row.
            order = scores * _PLACES + (_PLACES - 1 - torch.arange(others.start, others.stop, device=device))
            joined = torch.cat([best, order], dim=1)
            best = joined.topk(min(nearest, joined.shape[1]), dim=1).values
        found[first : first + len(own)] = (_PLACES - 1 - best % _PLACES).cpu().numpy()
    return found


def _scores(
    query: Tensor, own: range, features: NDArray[Any], chunk: int, device: torch.device | str
) -> Iterator[tuple[range, Tensor]]:
    """Rows compared with, and (Q, rows) cosines on the grid from 0 to 2^29; below that for a row itself."""
    for start in range(0, len(features), chunk):
        others = range(start, min(start + chunk, len(features)))
        cosines = query @ _unit(features, others, device).T
        scores = ((cosines.clamp(-1.0, 1.0) + 1.0) * _GRID).round().to(torch.int64)
        for row in range(max(own.start, others.start), min(own.stop, others.stop)):
            scores[row - own.start, row - others.start] = _NONE
        yield others, scores


def _unit(features: NDArray[Any], rows: range, device: torch.device | str) -> Tensor:
    part = np.array(features[rows.start : rows.stop], dtype=np.float64)
    finite = np.isfinite(part).all(axis=1)
    if not finite.all():
        raise DataError(
            f"row {rows.start + int(finite.argmin())} of the features has numbers that are not finite, so "
            f"nothing is near it; look for a damaged record, or a model that diverged."
        )
    tiny = torch.finfo(torch.float64).tiny
    return F.normalize(torch.from_numpy(part).to(device), dim=1, eps=tiny)
