"""Cross-modal retrieval: mean average precision and recall over the whole gallery, exact, in bounded memory.

Ties count as one block: an item's rank is the number of items that score at least as high as it does.
No result depends on the order of the gallery, and equal embeddings for everything score chance, not
luck (scikit-learn's `average_precision_score` has the same rule). Cosines are taken in float64 and
compared on a grid of 2^-40, so that equal rows tie although matrix products round by position.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from anaglyph.evaluation.cosines import check_finite, check_ks, products, unit_rows


def mean_average_precision(
    query: Tensor, gallery: Tensor, query_labels: Tensor, gallery_labels: Tensor, *, chunk: int | None = None
) -> float:
    """Mean of `average_precisions`; queries without a relevant item count as 0.

    Count those with `queries_without_relevant` and say so beside the number.
    """
    values = average_precisions(query, gallery, query_labels, gallery_labels, chunk=chunk)
    return float(values.mean())


def average_precisions(
    query: Tensor, gallery: Tensor, query_labels: Tensor, gallery_labels: Tensor, *, chunk: int | None = None
) -> Tensor:
    """(Q,) float64 average precision of each query by cosine; an item is relevant if it shares the class.

    Nothing is cut off or left out: the query's own partner in the gallery counts like any other item.

    Args:
        query: (Q, D) finite features, normalised here.
        gallery: (G, D) finite features, normalised here.
        query_labels: (Q,) integer classes.
        gallery_labels: (G,) integer classes.
        chunk: queries scored at once; the result does not depend on it.
    """
    _check_labels(query, gallery, query_labels, gallery_labels)
    parts = []
    for rows, scores in _scored(query, gallery, chunk):
        relevant = _relevant(query_labels[rows], gallery_labels, scores)
        parts.append(_precisions(scores, relevant))
    return torch.cat(parts)


def average_precision(scores: Tensor, relevant: Tensor) -> Tensor:
    """(Q,) average precision of raw scores; larger is closer, negative ones are fine.

        AP = 1/R sum_{relevant j} (relevant items at least as close as j) / (items at least as close as j)

    Only the order of the scores matters. AP is 0 for a query without a relevant item.

    Args:
        scores: (Q, G) floating point, no NaN or infinity; compared exactly as they are.
        relevant: (Q, G) bool.
    """
    if scores.ndim != 2 or scores.shape != relevant.shape:
        raise ValueError(
            f"scores and relevant must both be (Q, G), got {tuple(scores.shape)} and {tuple(relevant.shape)}"
        )
    check_finite(scores, "scores")
    return _precisions(scores, relevant)


def queries_without_relevant(query_labels: Tensor, gallery_labels: Tensor) -> int:
    """How many queries have a class that the gallery lacks, so that their average precision is 0."""
    return int((~torch.isin(query_labels, gallery_labels)).sum())


def recall_at(
    query: Tensor,
    gallery: Tensor,
    query_labels: Tensor,
    gallery_labels: Tensor,
    *,
    ks: Sequence[int] = (1, 5, 10),
    chunk: int | None = None,
) -> dict[int, float]:
    """Per k, the share of queries that find at least one item of their class among the first k.

    Ranks count ties as one block, as everywhere here; a query without a relevant item finds none.
    Arguments as in `average_precisions`.
    """
    _check_labels(query, gallery, query_labels, gallery_labels)
    ranks = []
    for rows, scores in _scored(query, gallery, chunk):
        relevant = _relevant(query_labels[rows], gallery_labels, scores)
        best = scores.masked_fill(~relevant, float("-inf")).amax(dim=1, keepdim=True)
        rank = (scores >= best).sum(dim=1)
        ranks.append(torch.where(relevant.any(dim=1), rank, len(gallery) + 1))
    return _share_within(torch.cat(ranks), ks, items=len(gallery))


def instance_recall_at(
    query: Tensor,
    gallery: Tensor,
    partners: Tensor,
    *,
    ks: Sequence[int] = (1, 5, 10),
    chunk: int | None = None,
) -> dict[int, float]:
    """Per k, the share of queries whose own partner is among the first k.

    Args:
        query: (Q, D) finite features, normalised here.
        gallery: (G, D) finite features, normalised here.
        partners: (Q,) int64 rows of the gallery, the same object as each query.
        ks: ranks to report, each >= 1.
        chunk: queries scored at once; the result does not depend on it.
    """
    if partners.shape != query.shape[:1]:
        raise ValueError(f"partners must be {(len(query),)}, got {tuple(partners.shape)}")
    if partners.numel() and not 0 <= int(partners.min()) <= int(partners.max()) < len(gallery):
        raise ValueError(
            f"partners must be rows of the gallery, 0 to {len(gallery) - 1}, "
            f"got {int(partners.min())} to {int(partners.max())}"
        )
    ranks = []
    for rows, scores in _scored(query, gallery, chunk):
        own = scores.gather(1, partners[rows, None].to(scores.device))
        ranks.append((scores >= own).sum(dim=1))
    return _share_within(torch.cat(ranks), ks, items=len(gallery))


def _scored(query: Tensor, gallery: Tensor, chunk: int | None) -> Iterator[tuple[slice, Tensor]]:
    """Rows of the query and their (rows, G) cosines on the grid."""
    if query.ndim == gallery.ndim == 2:
        check_finite(query, "query")
        check_finite(gallery, "gallery")
        query, gallery = unit_rows(query), unit_rows(gallery)
    return products(query, gallery, chunk)


def _precisions(scores: Tensor, relevant: Tensor) -> Tensor:
    """(Q,) float64 average precisions; NumPy's sort of one row in the cache is the fastest on a CPU."""
    if scores.device.type != "cpu":
        return _precisions_at_once(scores, relevant)
    # bfloat16 is unknown to NumPy; float64 keeps the order and the ties of every narrower type.
    rows = zip(scores.detach().double().numpy(), relevant.numpy(), strict=True)
    return torch.tensor([_precision_of_row(*row) for row in rows], dtype=torch.float64)


def _precision_of_row(scores: NDArray[np.float64], relevant: NDArray[np.bool_]) -> float:
    mine = np.sort(scores[relevant])
    if not len(mine):
        return 0.0
    rank = len(scores) - np.searchsorted(np.sort(scores), mine, side="left")
    found = len(mine) - np.searchsorted(mine, mine, side="left")
    return float(np.mean(found / rank))


def _precisions_at_once(scores: Tensor, relevant: Tensor) -> Tensor:
    """The same for all rows together, for a GPU."""
    ranked, order = scores.detach().sort(dim=1, descending=True)
    found = relevant.gather(1, order).cumsum(dim=1)
    total = found[:, -1]
    last = torch.ones_like(relevant)  # of its block of equal scores
    torch.ne(ranked[:, 1:], ranked[:, :-1], out=last[:, :-1])
    before = F.pad((found * last)[:, :-1].cummax(dim=1).values, (1, 0))
    rank = torch.arange(1, scores.shape[1] + 1, device=scores.device)
    booked = (found - before) * last * (found.double() / rank)  # hits of a whole block, at its end
    return booked.sum(dim=1) / total.clamp(min=1)


def _relevant(query_labels: Tensor, gallery_labels: Tensor, scores: Tensor) -> Tensor:
    return query_labels.to(scores.device)[:, None] == gallery_labels.to(scores.device)[None, :]


def _share_within(ranks: Tensor, ks: Sequence[int], *, items: int) -> dict[int, float]:
    check_ks(ks)
    return {k: float(((ranks <= k) & (ranks <= items)).double().mean()) for k in ks}


def _check_labels(query: Tensor, gallery: Tensor, query_labels: Tensor, gallery_labels: Tensor) -> None:
    wanted = (tuple(query.shape[:1]), tuple(gallery.shape[:1]))
    if (tuple(query_labels.shape), tuple(gallery_labels.shape)) != wanted:
        raise ValueError(
            f"query_labels and gallery_labels must be {wanted[0]} and {wanted[1]}, one class a row, "
            f"got {tuple(query_labels.shape)} and {tuple(gallery_labels.shape)}"
        )
