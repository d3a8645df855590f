"""The sigmoid loss of paired rows: every pair is a yes or a no of its own (SigLIP; Zhai et al., 2023).

    L = -1/B sum_ij log sigmoid( y_ij (s sim(a_i, b_j) + b) ),   y = +1 on the diagonal, -1 elsewhere

No softmax ties a row together, so any part of the rows and columns can be worked off by itself.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from anaglyph.losses.paired import Scale, absent_columns, own_columns, share_of_mean
from anaglyph.losses.reduction import at_least_float32, full_precision

START_SCALE = 10.0
START_BIAS = -10.0
"""Where s = exp(theta) and b begin: nearly all pairs are "no", and the first steps need not unlearn that."""


def paired_sigmoid(
    first: Tensor,
    second: Tensor,
    *,
    scale: Scale,
    bias: Scale,
    present: Tensor | None = None,
    exclude: Tensor | None = None,
    rows_at_once: int | None = None,
) -> Tensor:
    """L of all pairs; row b of both is the same object.

    Args:
        first: (B, D) unit vectors.
        second: (B, D) unit vectors.
        scale: s.
        bias: b.
        present: (B,) bool; pairs that are not there leave rows and columns. With none left the loss is 0 and
            still carries a gradient.
        exclude: (B, B) bool; where [i, j] is True the pair i, j is not asked about. The diagonal is not read.
        rows_at_once: rows whose similarities are held at a time, computed again for the gradient; None holds
            all. Changes memory alone.
    """
    if first.shape != second.shape:
        raise ValueError(
            f"paired embeddings must have one shape, got {tuple(first.shape)} and {tuple(second.shape)}; "
            f"row b of both must be the same object"
        )
    return local_paired_sigmoid(
        first, second, scale=scale, bias=bias, present=present, exclude=exclude, rows_at_once=rows_at_once
    )


def local_paired_sigmoid(
    first: Tensor,
    all_second: Tensor,
    *,
    start: int = 0,
    scale: Scale,
    bias: Scale,
    present: Tensor | None = None,
    exclude: Tensor | None = None,
    rows_at_once: int | None = None,
) -> Tensor:
    """The share of B rows in L of N rows: its mean over N / B processes is `paired_sigmoid` of all rows.

    Args:
        first: (B, D) unit vectors, rows `start` to `start + B` of all.
        all_second: (N, D) unit vectors, with gradients (`nn.gather.gather_rows`).
        start: where the rows begin.
        scale: s.
        bias: b.
        present: (N,) bool, as in `paired_sigmoid`, of all rows.
        exclude: (B, N) bool, as in `paired_sigmoid`, of these rows.
        rows_at_once: as in `paired_sigmoid`.
    """
    own = own_columns(len(first), len(all_second), start, first.device)
    absent = absent_columns(own, present, exclude, count=len(all_second))
    if rows_at_once is None or rows_at_once >= len(first):
        terms = _terms(first, all_second, own, absent, scale, bias)
    elif rows_at_once < 1:
        raise ValueError(f"rows_at_once must be >= 1 or None, got {rows_at_once}; 256 is usual")
    else:
        parts = [slice(row, row + rows_at_once) for row in range(0, len(first), rows_at_once)]
        terms = torch.cat(
            [
                checkpoint(
                    _terms, first[part], all_second, own[part], absent[part], scale, bias,
                    use_reentrant=False, preserve_rng_state=False,
                )
                for part in parts
            ]
        )  # fmt: skip
    return share_of_mean(terms, present, start=start, count=len(all_second))


def _terms(first: Tensor, second: Tensor, own: Tensor, absent: Tensor, scale: Scale, bias: Scale) -> Tensor:
    """(B,) sum over columns of -log sigmoid(y z)."""
    with full_precision(first):
        logits = at_least_float32(first) @ at_least_float32(second).T * scale + bias  # (B, N)
        yes = F.softplus(-logits).masked_fill(~own, 0.0)
        no = F.softplus(logits).masked_fill(own | absent, 0.0)
        return (yes + no).sum(dim=1)
