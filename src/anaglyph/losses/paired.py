"""InfoNCE of paired rows in both directions, with a learned scale (dossier MixCon3D, 1.2; after CLIP).

    sim(a, b)    = <a, b> of unit vectors
    NCE(a, b; s) = 1/2 mean_i [ -log softmax_j(s sim(a_i, b_j))_i  -  log softmax_j(s sim(b_i, a_j))_i ]

`paired_nce` holds all rows against all columns; `local_paired_nce` one process's rows against the columns of
all, at a share of the memory. Averaged over processes the second equals the first, gradients included.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from anaglyph.losses.instance_category import negative_log_weights
from anaglyph.losses.reduction import at_least_float32, full_precision, weighted_mean

Scale = float | Tensor
"""s > 0: a number, or a scalar tensor that learns."""


def paired_nce(
    first: Tensor,
    second: Tensor,
    *,
    scale: Scale,
    present: Tensor | None = None,
    exclude: Tensor | None = None,
    hardness: float = 0.0,
) -> Tensor:
    """NCE(first, second; scale); row b of both is the same object.

    Args:
        first: (B, D) unit vectors.
        second: (B, D) unit vectors.
        scale: s, one over the temperature.
        present: (B,) bool; pairs that are not there leave rows and columns. With none left the loss is 0 and
            still carries a gradient.
        exclude: (B, B) bool; where [i, j] is True, object j is no negative of object i, in either direction.
            The diagonal is not read.
        hardness: beta of the weights of negatives, w ~ exp(beta sim) with mean 1; 0 weighs all alike.
    """
    if first.shape != second.shape:
        raise ValueError(
            f"paired embeddings must have one shape, got {tuple(first.shape)} and {tuple(second.shape)}; "
            f"row b of both must be the same object"
        )
    return local_paired_nce(
        first, second, first, second, scale=scale, present=present, exclude=exclude, hardness=hardness
    )


def local_paired_nce(
    first: Tensor,
    second: Tensor,
    all_first: Tensor,
    all_second: Tensor,
    *,
    start: int = 0,
    scale: Scale,
    present: Tensor | None = None,
    exclude: Tensor | None = None,
    hardness: float = 0.0,
) -> Tensor:
    """The share of B rows in the NCE of N rows: its mean over N / B processes is `paired_nce` of all rows.

    Args:
        first: (B, D) unit vectors, rows `start` to `start + B` of `all_first`.
        second: (B, D) unit vectors, the same rows of `all_second`.
        all_first: (N, D) unit vectors, with gradients (`nn.gather.gather_rows`).
        all_second: (N, D) unit vectors.
        start: where the rows begin.
        scale: s, one over the temperature.
        present: (N,) bool, as in `paired_nce`, of all rows.
        exclude: (B, N) bool, as in `paired_nce`, of these rows.
        hardness: as in `paired_nce`.
    """
    own = own_columns(len(first), len(all_first), start, first.device)
    absent = absent_columns(own, present, exclude, count=len(all_first))
    terms = (
        _surprise(first, all_second, own, absent, scale, hardness)
        + _surprise(second, all_first, own, absent, scale, hardness)
    ) / 2  # (B,)
    return share_of_mean(terms, present, start=start, count=len(all_first))


def own_columns(rows: int, count: int, start: int, device: torch.device) -> Tensor:
    """(B, N) bool: the column that each row is paired with."""
    if not 0 <= start <= count - rows:
        raise ValueError(f"rows {start} to {start + rows} are not among {count}; start is where they begin")
    return torch.arange(start, start + rows, device=device)[:, None] == torch.arange(count, device=device)


def absent_columns(own: Tensor, present: Tensor | None, exclude: Tensor | None, *, count: int) -> Tensor:
    """(B, N) bool: columns that are no negatives of a row; never its own column."""
    absent = torch.zeros_like(own)
    if present is not None:
        if present.shape != (count,):
            raise ValueError(f"present must be {(count,)}, one for each row, got {tuple(present.shape)}")
        absent = absent | ~present
    if exclude is not None:
        if exclude.shape != own.shape:
            raise ValueError(f"exclude must be {tuple(own.shape)}, got {tuple(exclude.shape)}")
        absent = absent | exclude
    return absent & ~own


def share_of_mean(terms: Tensor, present: Tensor | None, *, start: int, count: int) -> Tensor:
    """What (B,) terms add to the mean over the present ones of N rows, times N / B processes."""
    if present is None:
        return weighted_mean(terms)
    here = present[start : start + len(terms)].to(terms.dtype)
    processes = count / max(len(terms), 1)
    return (terms * here).sum() * processes / present.sum().clamp(min=1)


def _surprise(
    query: Tensor, key: Tensor, own: Tensor, absent: Tensor, scale: Scale, hardness: float
) -> Tensor:
    """(B,) -log of the probability of a row's own column."""
    if query.shape[1:] != key.shape[1:]:
        raise ValueError(f"rows and columns differ in width: {tuple(query.shape)} and {tuple(key.shape)}")
    with full_precision(query):
        similarity = at_least_float32(query) @ at_least_float32(key).T  # (B, N)
        logits = similarity * scale
        if hardness != 0.0:
            logits = logits + negative_log_weights(similarity, ~(own | absent), hardness=hardness)
        log_prob = F.log_softmax(logits.masked_fill(absent, float("-inf")), dim=1)
        return -log_prob.masked_fill(~own, 0.0).sum(dim=1)
