"""The K best shapes of each query without scoring all of them; the same answer as brute force.

s is a convex combination of the products q . r_v of a shape's views, so it is at most the largest of them
(dossier CMIC, 1.4). Single views are pulled in descending order of q . r_v; the first view of a shape brings
its bound, and the shape is scored. Once the next bound lies below the K-th best score, nothing that is left
can enter.

With `normalize_attended` that does not hold: s = q . g / |g| is a cosine, and g, a mixture of views, may
point more towards q than any of them (views at 60 degrees left and right of q: products 1/2, mixture 1). Two
bounds take its place, whichever is lower. Let u be the mean direction of the views, rho the angle of the
farthest view to u, theta that of q to u, and m the largest cosine of q and a view:

    s <= cos(theta - rho), or 1 where theta <= rho    mixtures stay in the cone around u that holds the views
    s <= m / cos(rho) where m > 0, else m             |g| >= u . g >= cos(rho), and |g| <= 1

Where rho comes near 90 degrees both are given up for 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from anaglyph.nn.view_attention import ViewAttention

_GRID = 2.0**40
"""Scores are compared on a grid of 2^-40, so that equal shapes tie although products round by position."""
_AT_ONCE = 1 << 24
_SHAPES = 4096
_SHORTEST = 1e-12
_WIDEST = 0.1
"""Cosine of rho below which the views bound nothing."""


@dataclass(frozen=True)
class Found:
    """What a search found."""

    rows: Tensor
    """(Q, K) int64 rows of the shapes, best first; the lower row first among equal scores."""
    scores: Tensor
    """(Q, K) float64."""
    scored: Tensor
    """(Q,) int64 how many shapes were scored; brute force scores all."""


@torch.no_grad()
def exact_search(
    attention: ViewAttention, query: Tensor, views: Tensor, *, limit: int, block: int = 32
) -> Found:
    """The `limit` best shapes of each query.

    Args:
        attention: how a query and a shape are scored, any pooling.
        query: (Q, D).
        views: (S, V, D) of all shapes; of an array, `torch.from_numpy(array)`.
        limit: K, at most S of them come back.
        block: shapes scored at a time for each query.
    """
    if limit < 1 or block < 1:
        raise ValueError(f"limit and block must be >= 1, got {limit} and {block}")
    if query.ndim != 2 or views.ndim != 3 or query.shape[1] != views.shape[2]:
        raise ValueError(f"need (Q, D) and (S, V, D), got {tuple(query.shape)} and {tuple(views.shape)}")
    rows = max(1, _AT_ONCE // max(1, views.shape[0] * views.shape[1]))
    around = cones(views) if attention.normalize_attended else None
    most = min(limit, len(views))
    parts = [_search(attention, part, views, around, most, block) for part in torch.split(query, rows)]
    return Found(
        torch.cat([part.rows for part in parts]),
        torch.cat([part.scores for part in parts]),
        torch.cat([part.scored for part in parts]),
    )


@dataclass(frozen=True)
class Cones:
    """For each shape the directions in which mixtures of its views can lie."""

    middle: Tensor
    """(S, D) float64 unit vectors u."""
    cos_rho: Tensor
    """(S,) float64 cosine of the farthest view and u."""
    lengths: Tensor
    """(S, V) float64 of the views, 1 but for rounding."""


def cones(views: Tensor) -> Cones:
    """(S, V, D) views -> their cones, in double precision: near 0 degrees single precision has no angles."""
    middles, widths, lengths = [], [], []
    for part in torch.split(views, _SHAPES):
        length = torch.linalg.vector_norm(part.double(), dim=2)
        directions = part.double() / length.clamp(min=_SHORTEST)[..., None]
        middle = F.normalize(directions.mean(dim=1), dim=1)
        middles.append(middle)
        widths.append((directions @ middle[:, :, None]).squeeze(2).amin(dim=1).clamp(max=1.0))
        lengths.append(length)
    return Cones(torch.cat(middles), torch.cat(widths), torch.cat(lengths))


def best_products(query: Tensor, views: Tensor) -> Tensor:
    """(Q, D), (S, V, D) -> (Q, S) largest q . r of a shape; no plain score exceeds it."""
    return _products(query, views).amax(dim=2)


def normalized_bounds(query: Tensor, views: Tensor, around: Cones) -> Tensor:
    """(Q, D), (S, V, D) -> (Q, S) float64; no score with `normalize_attended` exceeds it."""
    length: Tensor = torch.linalg.vector_norm(query.double(), dim=1, keepdim=True)
    cos_rho = around.cos_rho
    cos_theta = (F.normalize(query.double(), dim=1) @ around.middle.T).clamp(-1.0, 1.0)  # (Q, S)
    sines = (1.0 - cos_theta.square()).sqrt() * (1.0 - cos_rho.square()).clamp(min=0.0).sqrt()
    in_cone = torch.where(cos_theta >= cos_rho, 1.0, cos_theta * cos_rho + sines)
    cosines = _products(query, views).double() / around.lengths.clamp(min=_SHORTEST)
    best = cosines.amax(dim=2) / length.clamp(min=_SHORTEST)  # m
    stretched = torch.where(best > 0, best / cos_rho, best)
    bound = torch.where(cos_rho < _WIDEST, 1.0, torch.minimum(in_cone, stretched))
    return bound * length


def _products(query: Tensor, views: Tensor) -> Tensor:
    """(Q, S, V) of q . r in at least single precision."""
    kind = _kind(query, views)
    products: Tensor = query.to(kind) @ views.to(kind).flatten(0, 1).T
    return products.view(len(query), *views.shape[:2])


def rounding(query: Tensor, views: Tensor) -> float:
    """How far rounding may lift a score of unit vectors above its bound."""
    return query.shape[1] * torch.finfo(_kind(query, views)).eps / _WIDEST + 1e-7


def _kind(query: Tensor, views: Tensor) -> torch.dtype:
    return torch.promote_types(torch.promote_types(query.dtype, views.dtype), torch.float32)


def _search(
    attention: ViewAttention, query: Tensor, views: Tensor, around: Cones | None, limit: int, block: int
) -> Found:
    bounds = best_products(query, views) if around is None else normalized_bounds(query, views, around)
    bounds, order = bounds.double().sort(dim=1, descending=True, stable=True)
    slack = rounding(query, views)
    exact = query.double()
    best = torch.full((len(query), limit), float("-inf"), dtype=torch.float64, device=query.device)
    rows = torch.full((len(query), limit), len(views), dtype=torch.int64, device=query.device)
    scored = torch.zeros(len(query), dtype=torch.int64, device=query.device)
    open_ = torch.arange(len(query), device=query.device)
    for first in range(0, len(views), block):
        open_ = open_[bounds[open_, first] + slack >= best[open_, -1]]
        if len(open_) == 0:
            break
        pulled = order[open_, first : first + block]  # (A, b)
        scores = attention.own_scores(exact[open_], views[pulled].double())
        best[open_], rows[open_] = _merged(
            torch.cat([best[open_], (scores * _GRID).round() / _GRID], dim=1),
            torch.cat([rows[open_], pulled], dim=1),
            limit,
        )
        scored[open_] += pulled.shape[1]
    return Found(rows, best, scored)


def _merged(scores: Tensor, rows: Tensor, limit: int) -> tuple[Tensor, Tensor]:
    """The `limit` highest of each row, the lower shape first among equals."""
    rows, by_row = rows.sort(dim=1)
    scores, by_score = scores.gather(1, by_row).sort(dim=1, descending=True, stable=True)
    return scores[:, :limit], rows.gather(1, by_score)[:, :limit]
