"""An object found by another input of itself: its own caption finds its shape, its shape finds its pictures.

Each side brings vectors of objects; an object may have several (captions) or none. A query is one vector;
what it looks through are objects, each as close as its closest vector. A query is right when its very own
object comes first (dossier MixCon3D, 6.5). Ties count against it: the rank is the number of objects at least
as close, so equal vectors for everything find nothing, and two objects with the same caption cannot both be
found by shape. Queries whose object has no vector on the other side cannot be answered; they are counted
and left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from anaglyph.evaluation.cosines import check_ks, products, summed_rows


@dataclass(frozen=True)
class Side:
    """One kind of input of a set of objects, as vectors."""

    vectors: Tensor | Sequence[Tensor]
    """(R, D) finite, normalised later; several tensors are inputs whose cosines are summed."""
    objects: Tensor
    """(R,) int64 object of each row; it may occur several times or not at all."""

    @classmethod
    def one_each(cls, vectors: Tensor | Sequence[Tensor]) -> Side:
        """A side with exactly one row for each object, in order."""
        rows = len(vectors) if isinstance(vectors, Tensor) else len(vectors[0])
        return cls(vectors, torch.arange(rows))


@dataclass(frozen=True)
class CrossScores:
    """The metrics of one direction; every share is in [0, 1]."""

    queries: int
    """That can be answered; only they enter the numbers below."""
    items: int
    """Objects that are looked through."""
    left_out: int
    """Queries whose object has no vector on the other side."""
    recall: Mapping[int, float]
    """k -> share of queries whose own object is among the first k."""
    mean_rank: float
    """Of the own objects, 1 is best."""
    median_rank: float
    """Middle of the two middle ones for an even number of queries."""
    mean_reciprocal_rank: float
    category: float | None = None
    """Share of queries whose first object has their category; None where no categories were given."""


def cross_retrieval(
    query: Side,
    items: Side,
    *,
    categories: Tensor | None = None,
    ks: Sequence[int] = (1, 5, 10),
    chunk: int | None = None,
) -> CrossScores:
    """Every vector of one side looks for its own object among those of the other, by cosine.

    Args:
        query: what looks.
        items: what is looked through.
        categories: (N,) int64 category of every object; a query whose closest object ties with one of
            another category counts as wrong.
        ks: ranks to report, each >= 1; one beyond the number of items is reached by every query.
        chunk: queries scored at once; the result does not depend on it.

    Raises:
        ValueError: shapes that do not fit, NaN or infinity, or no query that can be answered.
    """
    check_ks(ks)
    asked, found = _checked(query, "query"), _checked(items, "items")
    order = items.objects.argsort(stable=True)
    gallery, place = torch.unique(items.objects[order], return_inverse=True)  # objects, and that of each row
    found = found[order.to(found.device)]
    answerable = torch.isin(query.objects, gallery)
    if not answerable.any():
        raise ValueError(
            f"none of the {len(asked)} queries has its own object among the {len(gallery)} objects that are "
            f"looked through; give both sides vectors of the same objects"
        )
    own = torch.searchsorted(gallery, query.objects[answerable])
    ranks, firsts = [], []
    for rows, scores in products(asked[answerable.to(asked.device)], found.to(asked.device), chunk):
        closest = _closest(scores, place, objects=len(gallery))
        mine = closest.gather(1, own[rows, None].to(closest.device))
        ranks.append((closest >= mine).sum(dim=1).cpu())
        if categories is not None:
            there = categories[gallery].to(closest.device)
            firsts.append(_first_has(closest, there, there[own[rows].to(closest.device)]).cpu())
    return _summary(torch.cat(ranks), ks, firsts, items=len(gallery), left_out=int((~answerable).sum()))


def chance_level(query: Tensor, items: Tensor, *, ks: Sequence[int] = (1, 5, 10)) -> CrossScores:
    """What objects in random order give on average.

    Args:
        query: (Q,) int64 object of each query.
        items: (R,) int64 object of each vector that is looked through.
        ks: ranks to report.
    """
    gallery = torch.unique(items)
    answerable, objects = int(torch.isin(query, gallery).sum()), len(gallery)
    middle = (objects + 1) / 2
    return CrossScores(
        queries=answerable,
        items=objects,
        left_out=len(query) - answerable,
        recall={k: min(k / objects, 1.0) for k in ks},
        mean_rank=middle,
        median_rank=middle,
        mean_reciprocal_rank=float((1 / torch.arange(1, objects + 1, dtype=torch.float64)).mean()),
    )


def chance_of_category(query: Tensor, items: Tensor, categories: Tensor) -> float:
    """Share of queries whose first object has their category when objects come in random order.

    Args:
        query: (Q,) int64 object of each query.
        items: (R,) int64 object of each vector that is looked through.
        categories: (N,) int64 category of every object.
    """
    gallery = torch.unique(items)
    shares = torch.bincount(categories[gallery], minlength=int(categories.max()) + 1).double() / len(gallery)
    return float(shares[categories[query[torch.isin(query, gallery)]]].mean())


def _closest(scores: Tensor, place: Tensor, *, objects: int) -> Tensor:
    """(Q, objects) from (Q, R): each object as close as its closest row."""
    if len(place) == objects:  # one row each, in order
        return scores
    index = place.to(scores.device).expand(len(scores), -1)
    best = scores.new_full((len(scores), objects), float("-inf"))
    return best.scatter_reduce(1, index, scores, "amax")


def _first_has(scores: Tensor, categories: Tensor, wanted: Tensor) -> Tensor:
    """(Q,) whether every object with the highest score has the wanted category."""
    best = scores == scores.amax(dim=1, keepdim=True)
    return ~(best & (categories[None, :] != wanted[:, None])).any(dim=1)


def _summary(
    ranks: Tensor, ks: Sequence[int], firsts: Sequence[Tensor], *, items: int, left_out: int
) -> CrossScores:
    exact = ranks.double()
    return CrossScores(
        queries=len(ranks),
        items=items,
        left_out=left_out,
        recall={k: float((ranks <= k).double().mean()) for k in ks},
        mean_rank=float(exact.mean()),
        median_rank=_median(exact),
        mean_reciprocal_rank=float((1 / exact).mean()),
        category=float(torch.cat(list(firsts)).double().mean()) if firsts else None,
    )


def _median(values: Tensor) -> float:
    """By sorting: torch.quantile refuses more than 16 million values."""
    ordered, count = values.sort().values, len(values)
    return float((ordered[(count - 1) // 2] + ordered[count // 2]) / 2)


def _checked(side: Side, name: str) -> Tensor:
    rows = summed_rows(side.vectors, name)
    if tuple(side.objects.shape) != (len(rows),) or side.objects.is_floating_point():
        raise ValueError(
            f"{name} must name one object for each of {len(rows)} rows as integers, got "
            f"{tuple(side.objects.shape)} {side.objects.dtype}"
        )
    if not len(rows):
        raise ValueError(f"{name} has no vectors; retrieval needs at least one on each side")
    return rows
