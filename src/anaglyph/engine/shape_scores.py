"""Every query of a split against every shape of its repository, in eval mode."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from anaglyph.data.shape_queries import ShapeQueries, ShapeRepository
from anaglyph.methods.base import Method

_QUERIES = 128
_PICTURES = 384
"""Rendered views embedded at once."""


@dataclass(frozen=True)
class EmbeddedQueries:
    """A split and its repository as the method sees them, on the CPU."""

    queries: Tensor
    """(Q, D)."""
    items: Tensor
    """(S, D), or (S, V, D) where the method keeps every view."""


@torch.no_grad()
def embed_queries(method: Method, dataset: ShapeQueries, *, device: torch.device) -> EmbeddedQueries:
    """Queries and all shapes of the repository, each once; the method's mode is put back afterwards."""
    training = method.training
    method.eval()
    queries = [
        method.embed("image", dataset.batch(rows, epoch=None).without_labels().to(device)).float().cpu()
        for rows in _parts(len(dataset), _QUERIES)
    ]
    method.train(training)
    return EmbeddedQueries(torch.cat(queries), embed_shapes(method, dataset.repository, device=device))


@torch.no_grad()
def embed_shapes(method: Method, repository: ShapeRepository, *, device: torch.device) -> Tensor:
    """(S, D) or (S, V, D) on the CPU, every shape of a repository; the method's mode is put back."""
    training = method.training
    method.eval()
    views = repository.views.shape[1]
    items = [
        method.embed("shape", repository.batch(rows).to(device)).float().cpu()
        for rows in _parts(len(repository), max(_PICTURES // views, 1))
    ]
    method.train(training)
    return torch.cat(items)


@torch.no_grad()
def score_all(method: Method, embedded: EmbeddedQueries) -> Tensor:
    """(Q, S) scores by the method's own rule, on the CPU."""
    training, device = method.training, next(iter(method.state_dict().values())).device
    method.eval()
    items = embedded.items.to(device)
    scores = [
        method.score(embedded.queries[rows].to(device), items).float().cpu()
        for rows in _parts(len(embedded.queries), _QUERIES)
    ]
    method.train(training)
    return torch.cat(scores)


@torch.no_grad()
def true_view_weight(
    method: Method, embedded: EmbeddedQueries, dataset: ShapeQueries, *, within: float = 15.0
) -> float | None:
    """Mean share that the view nearest to a query's true azimuth has in the score of its true shape.

    1 / V is what a method gives that does not look; None where views, azimuths or shares do not exist.

    Args:
        method: what scores.
        embedded: its vectors.
        dataset: the split, with azimuths of the queries and of the views.
        within: queries whose nearest view is farther than this many degrees are left out.
    """
    azimuths, cameras = dataset.azimuths, dataset.repository.azimuths
    if azimuths is None or cameras is None or embedded.items.ndim != 3:
        return None
    apart = torch.from_numpy(azimuths)[:, None] - torch.from_numpy(cameras)[None, :]
    apart = ((apart + 180.0) % 360.0 - 180.0).abs()  # (Q, V), NaN where the azimuth is unknown
    nearest, view = apart.nan_to_num(nan=torch.inf).min(dim=1)
    device = next(iter(method.state_dict().values())).device
    shares = []
    for query in (nearest <= within + 1e-4).nonzero()[:, 0].tolist():
        item = embedded.items[dataset.shapes[query]][None].to(device)
        weights = method.view_weights(embedded.queries[query : query + 1].to(device), item)
        if weights is None:
            return None
        shares.append(float(weights[0, 0, view[query]]))
    return sum(shares) / len(shares) if shares else None


def _parts(count: int, size: int) -> list[range]:
    return [range(first, min(first + size, count)) for first in range(0, count, size)]
