"""Pseudo labels from a graph of nearest neighbours: spectral clustering (Ng, Jordan and Weiss, 2002).

Where classes are curved or uneven, k-means cuts them; a walk along neighbours does not. The eigenvectors are
found from a fixed start and their signs are fixed, so that the same features give the same clusters.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from anaglyph.errors import TrainingError
from anaglyph.ops.kmeans import Clustering, kmeans
from anaglyph.ops.knn import k_nearest
from anaglyph.randomness import numpy_generator

_DENSE_ITEMS = 8000
"""Up to here the dense solver (512 MB of weights) stands in for an iterative one that does not converge."""


@torch.no_grad()
def neighbour_graph(features: Tensor, neighbours: int, *, sharpness: float = 1.0) -> Any:
    """Symmetric weights between the nearest neighbours on the unit sphere.

    The weight of an edge is max(cosine, 0) ** sharpness where both ends have the other among their
    `neighbours` nearest, half of that where only one has.

    Args:
        features: (N, D), normalised here.
        neighbours: per item, itself not counted; at most N - 1.
        sharpness: exponent, > 0; larger trusts close neighbours more.

    Returns:
        (N, N) scipy.sparse.csr_array of float64, zero diagonal.
    """
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(f"features must be (N >= 2, D), got {tuple(features.shape)}")
    if neighbours < 1 or not sharpness > 0:
        raise ValueError(f"neighbours must be >= 1 and sharpness > 0, got {neighbours} and {sharpness}")
    unit = F.normalize(features.float(), dim=1)
    items = len(unit)
    near = k_nearest(unit[None], unit[None], neighbours + 1)[0]  # (N, K + 1), mostly itself first
    source = torch.arange(items, device=near.device).repeat_interleave(near.shape[1])
    target = near.flatten()
    cosine = torch.cat([(unit[part] * unit[other]).sum(dim=1) for part, other in _blocks(source, target)])
    keep = source != target
    weight = cosine.clamp(min=0.0).double().pow(sharpness)
    rows, columns = source[keep].cpu().numpy(), target[keep].cpu().numpy()
    directed = scipy.sparse.csr_array((weight[keep].cpu().numpy(), (rows, columns)), shape=(items, items))
    return ((directed + directed.T) / 2).tocsr()


def spectral_embedding(graph: Any, dimensions: int) -> NDArray[np.float64]:
    """Leading eigenvectors of D^-1/2 W D^-1/2, largest eigenvalue first.

    Args:
        graph: (N, N) sparse symmetric non-negative weights.
        dimensions: how many eigenvectors, 1 to N.

    Returns:
        (N, dimensions), columns of unit length whose largest entry is positive.

    Raises:
        TrainingError: the eigenvectors are not found, not even with more room and time.
    """
    items = graph.shape[0]
    if not 1 <= dimensions <= items:
        raise ValueError(f"dimensions must be between 1 and the {items} items, got {dimensions}")
    degree = np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1e-12)
    scale = scipy.sparse.diags_array(1.0 / np.sqrt(degree))
    normalised = scale @ graph @ scale
    if dimensions >= items - 1 or items <= 200:
        vectors = _dense(normalised)
    else:
        try:
            vectors = _iterative(normalised, dimensions)
        except scipy.sparse.linalg.ArpackError as error:
            vectors = (
                _dense(normalised) if items <= _DENSE_ITEMS else _insisting(normalised, dimensions, error)
            )
    vectors = vectors[:, ::-1][:, :dimensions]
    peak = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=0)[None], axis=0)
    result: NDArray[np.float64] = vectors * np.where(peak < 0, -1.0, 1.0)
    return result


def spectral_clusters(
    features: Tensor,
    clusters: int,
    *,
    generator: torch.Generator,
    neighbours: int = 20,
    sharpness: float = 1.0,
    restarts: int = 10,
) -> Clustering:
    """Cluster (N, D) features by their neighbour graph; centroids live in the space of eigenvectors.

    Args:
        features: (N, D), normalised here.
        clusters: K, 1 to N.
        generator: source of the k-means starts.
        neighbours: per item in the graph.
        sharpness: exponent of the cosine weights.
        restarts: of k-means on the row-normalised eigenvectors.
    """
    graph = neighbour_graph(features, neighbours, sharpness=sharpness)
    rows = torch.from_numpy(spectral_embedding(graph, clusters).copy()).float().to(features.device)
    return kmeans(rows, clusters, generator=generator, geometry="spherical", restarts=restarts)


def _dense(normalised: Any) -> NDArray[np.float64]:
    """(N, N) eigenvectors, smallest eigenvalue first."""
    vectors: NDArray[np.float64] = np.linalg.eigh(normalised.toarray())[1]
    return vectors


def _iterative(normalised: Any, dimensions: int, **limits: int) -> NDArray[np.float64]:
    """(N, dimensions) eigenvectors of the largest eigenvalues, smallest first."""
    items = normalised.shape[0]
    start = numpy_generator("spectral start", items).standard_normal(items)
    values, found = scipy.sparse.linalg.eigsh(normalised, k=dimensions, which="LA", v0=start, **limits)
    vectors: NDArray[np.float64] = found[:, np.argsort(values, kind="stable")]
    return vectors


def _insisting(normalised: Any, dimensions: int, first: Exception) -> NDArray[np.float64]:
    """One more try, with twice the default's vectors and five times its iterations."""
    items = normalised.shape[0]
    try:
        return _iterative(
            normalised, dimensions, ncv=min(items, max(4 * dimensions + 2, 40)), maxiter=50 * items
        )
    except scipy.sparse.linalg.ArpackError as error:
        raise TrainingError(
            f"the {dimensions} leading eigenvectors of a graph of {items} objects do not converge "
            f"(first {first}; then {error}). Use more neighbours in the graph or fewer clusters."
        ) from error


def _blocks(source: Tensor, target: Tensor) -> list[tuple[Tensor, Tensor]]:
    size = 1 << 18
    return [(source[s : s + size], target[s : s + size]) for s in range(0, len(source), size)]
