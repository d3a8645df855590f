"""k-means on spheres and in flat space, the same on every run from the same generator.

Spherical k-means (Dhillon and Modha, 2001) compares by cosine and keeps unit centroids, so that they can
serve as weights of a linear classifier. Starts come from greedy k-means++ (Arthur and Vassilvitskii, 2007).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

Geometry = Literal["spherical", "euclidean"]
_BLOCK = 1 << 24


@dataclass(frozen=True)
class Clustering:
    """What k-means found."""

    centroids: Tensor
    """(K, D) float32; unit vectors when spherical."""
    assignments: Tensor
    """(N,) int64 index of the nearest centroid, the lowest one at ties."""
    objective: float
    """Mean cost of a point, lower is better: squared distance, or 1 - cosine when spherical."""
    iterations: int
    """Rounds until nothing changed, or the limit."""


@torch.no_grad()
def kmeans(
    points: Tensor,
    clusters: int,
    *,
    generator: torch.Generator,
    geometry: Geometry = "spherical",
    initial: Tensor | None = None,
    iterations: int = 100,
    restarts: int = 4,
) -> Clustering:
    """Lloyd's algorithm, the best of several starts.

    A cluster that runs empty takes over the point that fits its own centroid worst. With `initial` there is
    one start and cluster k stays the descendant of row k: this is what aligns two modalities.

    Args:
        points: (N, D), finite; computed in float32, and normalised first when spherical.
        clusters: K, 1 to N.
        generator: source of the starts; its device may differ from that of `points`.
        geometry: "spherical" compares by cosine, "euclidean" by distance.
        initial: (K, D) centroids to start from; `restarts` is then not used.
        iterations: at most so many rounds; fewer when the assignments stop changing.
        restarts: independent starts.
    """
    points = _check(points, clusters, geometry, iterations, restarts)
    if geometry == "spherical":
        points = F.normalize(points, dim=1)
    if initial is not None:
        if initial.shape != (clusters, points.shape[1]):
            wanted = (clusters, points.shape[1])
            raise ValueError(f"initial centroids must be {wanted}, got {tuple(initial.shape)}")
        return _lloyd(points, _centroids(initial.to(points), geometry), geometry, iterations)
    starts = (points[_plus_plus(points, clusters, generator)] for _ in range(restarts))
    return min(
        (_lloyd(points, start, geometry, iterations) for start in starts), key=lambda found: found.objective
    )


def nearest_centroids(points: Tensor, centroids: Tensor, *, geometry: Geometry) -> tuple[Tensor, Tensor]:
    """(N, D), (K, D) -> (N,) index of the nearest centroid and (N,) cost, in blocks of bounded memory."""
    index, cost = [], []
    for start in range(0, len(points), max(1, _BLOCK // len(centroids))):
        part = points[start : start + max(1, _BLOCK // len(centroids))]
        similarity = part @ centroids.T
        if geometry == "euclidean":
            similarity = 2.0 * similarity - centroids.square().sum(dim=1)
        best, which = similarity.max(dim=1)
        square = part.square().sum(dim=1) if geometry == "euclidean" else 1.0
        index.append(which)
        cost.append((square - best).clamp(min=0.0))
    return torch.cat(index), torch.cat(cost)


def _lloyd(points: Tensor, centroids: Tensor, geometry: Geometry, iterations: int) -> Clustering:
    assignments, cost = nearest_centroids(points, centroids, geometry=geometry)
    rounds = 0
    while rounds < iterations:
        rounds += 1
        assignments = _fill_empty(assignments, cost, len(centroids))
        means = _means(points, assignments, centroids)
        centroids = _centroids(means, geometry)
        before = assignments
        assignments, cost = nearest_centroids(points, centroids, geometry=geometry)
        if torch.equal(assignments, before):
            break
    return Clustering(centroids, assignments, cost.double().mean().item(), rounds)


def _fill_empty(assignments: Tensor, cost: Tensor, clusters: int) -> Tensor:
    """Give each empty cluster the worst-fitting point of a cluster that can spare one."""
    sizes = torch.bincount(assignments, minlength=clusters)
    empty = (sizes == 0).nonzero().flatten().tolist()
    if not empty:
        return assignments
    assignments = assignments.clone()
    worst = iter(cost.argsort(descending=True, stable=True).tolist())
    for cluster in empty:
        point = next(p for p in worst if sizes[assignments[p]] > 1)
        sizes[assignments[point]] -= 1
        sizes[cluster] += 1
        assignments[point] = cluster
    return assignments


def _means(points: Tensor, assignments: Tensor, centroids: Tensor) -> Tensor:
    """Mean of each cluster, as a product with one-hot rows: the same order of sums on every run."""
    clusters = len(centroids)
    total = torch.zeros_like(centroids)
    step = max(1, _BLOCK // clusters)
    for start in range(0, len(points), step):
        member = F.one_hot(assignments[start : start + step], clusters).to(points.dtype)
        total += member.T @ points[start : start + step]
    return total / torch.bincount(assignments, minlength=clusters).clamp(min=1)[:, None]


def _centroids(means: Tensor, geometry: Geometry) -> Tensor:
    return F.normalize(means, dim=1) if geometry == "spherical" else means


def _plus_plus(points: Tensor, clusters: int, generator: torch.Generator) -> Tensor:
    """(K,) rows to start from: each the best of a few drawn in proportion to their squared distance."""
    trials = 2 + int(math.log(clusters))
    draws = torch.rand(clusters, trials, generator=generator, device=generator.device, dtype=torch.float64)
    draws = draws.to(points.device)
    chosen = [int(draws[0, 0] * len(points))]
    distance = _square_distance(points, points[chosen])[:, 0]
    for number in range(1, clusters):
        total = distance.double().cumsum(0)
        if not total[-1] > 0:  # fewer distinct points than clusters: any row will do
            chosen.append(int(draws[number, 0] * len(points)))
            continue
        candidates = torch.searchsorted(total, draws[number] * total[-1], right=True).clamp(
            max=len(points) - 1
        )
        reduced = torch.minimum(
            distance[:, None], _square_distance(points, points[candidates])
        )  # (N, trials)
        best = int(reduced.double().sum(dim=0).argmin())
        chosen.append(int(candidates[best]))
        distance = reduced[:, best]
    return torch.tensor(chosen, device=points.device)


def _square_distance(points: Tensor, others: Tensor) -> Tensor:
    product = points @ others.T
    square = points.square().sum(dim=1, keepdim=True) + others.square().sum(dim=1) - 2.0 * product
    return square.clamp(min=0.0)


def _check(points: Tensor, clusters: int, geometry: str, iterations: int, restarts: int) -> Tensor:
    if points.ndim != 2:
        raise ValueError(f"points must be (N, D), got {tuple(points.shape)}")
    if not 1 <= clusters <= len(points):
        raise ValueError(f"clusters must be between 1 and the {len(points)} points, got {clusters}")
    if geometry not in ("spherical", "euclidean"):
        raise ValueError(f"geometry must be 'spherical' or 'euclidean', got '{geometry}'")
    if iterations < 1 or restarts < 1:
        raise ValueError(f"iterations and restarts must be >= 1, got {iterations} and {restarts}")
    if not bool(torch.isfinite(points).all()):
        bad = int((~torch.isfinite(points).all(dim=1)).nonzero()[0, 0])
        raise ValueError(f"row {bad} of the points is not finite; look for NaN in the embeddings")
    return points.float()
