"""Cosines for rankings: exact, in bounded memory, and equal for equal rows.

Cosines are taken in float64 and compared on a grid of 2^-40, so that equal rows tie although matrix products
round by position. A row may be the sum of unit vectors of several inputs; its product with another row is
then the sum of their cosines, which is how logits of several inputs are added (dossier MixCon3D, 1.4).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

_GRID = 2.0**40
_BLOCK = 1 << 21
"""Scores held at once when no chunk is given, 16 MB."""


def unit_rows(rows: Tensor) -> Tensor:
    """Float64 rows of length 1; a row of zeros stays, and is as far from everything as a right angle."""
    return F.normalize(rows.detach().double(), dim=1, eps=torch.finfo(torch.float64).tiny)


def summed_rows(parts: Tensor | Sequence[Tensor], name: str) -> Tensor:
    """(R, D) float64: the unit rows of one tensor, or the sum of those of several inputs.

    Args:
        parts: (R, D) finite features, one tensor per input, normalised here.
        name: what messages call them.
    """
    several = [parts] if isinstance(parts, Tensor) else list(parts)
    shapes = {tuple(part.shape) for part in several}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise ValueError(
            f"{name} must be (R, D), alike for every input that is summed, got {sorted(shapes) or 'nothing'}"
        )
    for part in several:
        check_finite(part, name)
    return torch.stack([unit_rows(part) for part in several]).sum(dim=0)


def products(query: Tensor, gallery: Tensor, chunk: int | None) -> Iterator[tuple[slice, Tensor]]:
    """Rows of the query and their (rows, G) float64 products as whole numbers of 2^-40.

    Args:
        query: (Q, D) float64, unit rows or sums of such.
        gallery: (G, D) float64, likewise.
        chunk: queries scored at once; the result does not depend on it.
    """
    if query.ndim != 2 or gallery.ndim != 2 or query.shape[1] != gallery.shape[1]:
        raise ValueError(
            f"query must be (Q, D) and gallery (G, D) with one D, "
            f"got {tuple(query.shape)} and {tuple(gallery.shape)}"
        )
    if not len(query) or not len(gallery):
        raise ValueError(
            f"retrieval needs at least one query and one gallery item, got {len(query)} and {len(gallery)}"
        )
    if chunk is not None and chunk < 1:
        raise ValueError(f"chunk must be >= 1, got {chunk}; leave it out for a bounded default")
    step = chunk if chunk is not None else max(1, _BLOCK // len(gallery))
    for start in range(0, len(query), step):
        rows = slice(start, start + step)
        yield rows, (query[rows] @ gallery.T).mul_(_GRID).round_()


def check_finite(values: Tensor, name: str) -> None:
    """ValueError naming the first row with a NaN or an infinity."""
    broken = ~torch.isfinite(values)
    if broken.any():
        row = int(broken.any(dim=1).nonzero()[0])
        raise ValueError(
            f"{name} has {int(broken.sum())} NaN or infinite values, first in row {row}; "
            f"a ranking needs finite numbers, so look for a loss that diverged"
        )


def check_ks(ks: Sequence[int]) -> None:
    """ValueError unless there are ranks to look at, each >= 1."""
    if not ks or min(ks) < 1:
        raise ValueError(f"ks must hold ranks >= 1, got {tuple(ks)}; usual are 1, 5 and 10")
