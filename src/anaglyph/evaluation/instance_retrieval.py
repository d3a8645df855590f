"""Finding the very shape that a picture shows: instance and category accuracy, ranks, by category, overall.

A hit needs the category and the instance; a shape's row is both, since its id is the pair (dossier CMIC,
3.1). Ties are read against the method: the true shape's rank is the number of shapes that score at least as
high as it does, and the first shape's category counts only where every shape that ties for the first place
has it. So no number depends on the order of the repository, and equal scores for everything score nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from anaglyph.errors import DataError


@dataclass(frozen=True)
class InstanceScores:
    """The metrics of some queries; every share is in [0, 1]."""

    queries: int
    top: Mapping[int, float]
    """k -> share of queries whose true shape is among the first k."""
    category: float
    """Share of queries whose first shape has the true category."""
    median_rank: float
    """Of the true shapes, 1 is best; the middle of the two middle ones for an even number of queries."""
    mean_reciprocal_rank: float


@dataclass(frozen=True)
class InstanceReport:
    """The metrics over all queries and by category."""

    overall: InstanceScores
    """Micro: every query counts the same, the "Total" of the official program."""
    macro: InstanceScores
    """Mean of the categories' values: every category counts the same, the "mean" of older tables."""
    categories: Mapping[int, InstanceScores]
    """Category -> metrics of its queries, for the categories that have any, in order."""


def instance_report(
    scores: Tensor, shapes: Tensor, categories: Tensor, *, ks: Sequence[int] = (1, 10)
) -> InstanceReport:
    """Measure scores of queries against a repository.

    Args:
        scores: (Q, S), larger is closer; -inf leaves a shape out of the ranking.
        shapes: (Q,) int64 row of the true shape of each query.
        categories: (S,) int64 category of every shape; a query has that of its true shape.
        ks: how many first shapes to look at, each >= 1.

    Raises:
        DataError: the repository has fewer shapes than the largest k.
        ValueError: shapes that do not fit, NaN or +inf, or a true shape that is left out of the ranking.
    """
    _check(scores, shapes, categories, ks)
    ranks = true_ranks(scores, shapes)
    truth = categories.to(scores.device)[shapes.to(scores.device)]
    first = _first_has_category(scores, truth, categories.to(scores.device))
    by_category = {
        int(category): _measure(ranks[truth == category], first[truth == category], ks)
        for category in torch.unique(truth)
    }
    return InstanceReport(_measure(ranks, first, ks), _mean(list(by_category.values())), by_category)


def true_ranks(scores: Tensor, shapes: Tensor) -> Tensor:
    """(Q,) rank of each query's true shape, 1 is best: how many shapes score at least as high.

    Args:
        scores: (Q, S) without NaN.
        shapes: (Q,) row of the true shape of each query.
    """
    own = scores.gather(1, shapes.to(scores.device)[:, None])
    return (scores >= own).sum(dim=1)


def first_hits(scores: Tensor) -> list[list[int]]:
    """Each query's shapes that share the first place, most often one; the worst counts.

    Args:
        scores: (Q, S) without NaN, S >= 1.
    """
    best = scores == scores.amax(dim=1, keepdim=True)
    return [row.nonzero()[:, 0].tolist() for row in best]


def restricted_to_category(scores: Tensor, query_categories: Tensor, shape_categories: Tensor) -> Tensor:
    """(Q, S) scores with -inf for shapes of another category than the query's: the protocol "shapenet" (3.1).

    Args:
        scores: (Q, S).
        query_categories: (Q,) int64 true categories.
        shape_categories: (S,) int64, numbered alike.

    Raises:
        DataError: the repository has no shape of a query's category.
    """
    wanted = (len(query_categories), len(shape_categories))
    if tuple(scores.shape) != wanted:
        raise ValueError(f"scores must be {wanted} for these categories, got {tuple(scores.shape)}")
    known = torch.isin(query_categories, shape_categories)
    if not known.all():
        absent = sorted(set(query_categories[~known].tolist()))
        raise DataError(
            f"the repository has no shape of the categories {absent}, which {int((~known).sum())} queries "
            f"show; add shapes of them, or leave those queries out."
        )
    same = query_categories.to(scores.device)[:, None] == shape_categories.to(scores.device)[None, :]
    return scores.masked_fill(~same, float("-inf"))


def _first_has_category(scores: Tensor, truth: Tensor, categories: Tensor) -> Tensor:
    """(Q,) whether every shape with the highest score has the true category."""
    best = scores == scores.amax(dim=1, keepdim=True)
    return ~(best & (categories[None, :] != truth[:, None])).any(dim=1)


def _measure(ranks: Tensor, first: Tensor, ks: Sequence[int]) -> InstanceScores:
    exact = ranks.double()
    return InstanceScores(
        queries=len(ranks),
        top={k: float((ranks <= k).double().mean()) for k in ks},
        category=float(first.double().mean()),
        median_rank=float(exact.quantile(0.5)),
        mean_reciprocal_rank=float((1 / exact).mean()),
    )


def _mean(parts: Sequence[InstanceScores]) -> InstanceScores:
    count = len(parts)
    return InstanceScores(
        queries=sum(part.queries for part in parts),
        top={k: sum(part.top[k] for part in parts) / count for k in parts[0].top},
        category=sum(part.category for part in parts) / count,
        median_rank=sum(part.median_rank for part in parts) / count,
        mean_reciprocal_rank=sum(part.mean_reciprocal_rank for part in parts) / count,
    )


def _check(scores: Tensor, shapes: Tensor, categories: Tensor, ks: Sequence[int]) -> None:
    queries, items = len(shapes), len(categories)
    if tuple(scores.shape) != (queries, items) or shapes.ndim != 1 or categories.ndim != 1 or not queries:
        raise ValueError(
            f"scores must be (Q, S) with one true shape a row and one category a column, Q and S >= 1, got "
            f"{tuple(scores.shape)}, {tuple(shapes.shape)} and {tuple(categories.shape)}"
        )
    if not ks or min(ks) < 1:
        raise ValueError(f"ks must hold numbers >= 1, got {tuple(ks)}; usual are 1 and 10")
    if items < max(ks):
        raise DataError(
            f"top-{max(ks)} accuracy needs a repository of at least {max(ks)} shapes, and this one has "
            f"{items}; add shapes, or ask for a smaller k."
        )
    if not 0 <= int(shapes.min()) <= int(shapes.max()) < items:
        raise ValueError(
            f"true shapes must be rows of the repository, 0 to {items - 1}, got {int(shapes.min())} to "
            f"{int(shapes.max())}"
        )
    _check_scores(scores, shapes)


def _check_scores(scores: Tensor, shapes: Tensor) -> None:
    broken = scores.isnan() | scores.isposinf()
    if broken.any():
        row = int(broken.any(dim=1).nonzero()[0])
        raise ValueError(
            f"scores has {int(broken.sum())} NaN or +infinite values, first in row {row}; a ranking needs "
            f"finite numbers, so look for a loss that diverged"
        )
    left_out = scores.gather(1, shapes.to(scores.device)[:, None])[:, 0].isneginf()
    if left_out.any():
        raise ValueError(
            f"the true shape of {int(left_out.sum())} queries is left out of the ranking (-inf), first in "
            f"row {int(left_out.nonzero()[0])}; give every shape that may be found a finite score"
        )
