"""Several ways to cut the same embeddings into K groups, and a label-free score to choose one by.

A single spectral clustering sometimes splits one class and merges two. Candidates from graphs of several
sizes, from all heads together and from k-means are therefore compared on a common graph: how much of each
group's neighbourhood leaves it (normalised cut; Shi and Malik, 2000), plus a price for uneven groups.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from anaglyph.ops.kmeans import kmeans
from anaglyph.ops.knn import k_nearest
from anaglyph.ops.neighbour_graph import spectral_clusters
from anaglyph.randomness import torch_generator

GRAPHS = (10, 15, 30, 50)
CONSENSUS_NEIGHBOURS = 30
JUDGE_NEIGHBOURS = 50


def candidates(
    fused: Tensor, posteriors: Tensor, best_head: Tensor | None, *, clusters: int, seed: int
) -> dict[str, Tensor]:
    """Name -> (N,) labels in [0, clusters).

    Args:
        fused: (N, D) unit embeddings, both modalities together.
        posteriors: (N, total) fused posteriors of all heads side by side.
        best_head: (N,) labels of the most informative head with exactly K clusters, if there is one.
        clusters: K.
        seed: of the k-means starts.
    """
    most = len(fused) - 1
    found = {
        f"graph{size}": spectral_clusters(
            fused, clusters, neighbours=size, generator=torch_generator(seed, "graph", size)
        ).assignments
        for size in sorted({min(size, most) for size in GRAPHS})
    }
    # Square roots make the inner product of two posteriors their Bhattacharyya similarity.
    found["consensus"] = spectral_clusters(
        posteriors.sqrt(),
        clusters,
        neighbours=min(CONSENSUS_NEIGHBOURS, most),
        generator=torch_generator(seed, "consensus"),
    ).assignments
    found["kmeans"] = kmeans(
        fused, clusters, geometry="spherical", generator=torch_generator(seed, "kmeans")
    ).assignments
    if best_head is not None:
        found["head"] = best_head
    return found


def choose_partition(
    fused: Tensor, found: Mapping[str, Tensor], *, clusters: int, balance: float = 5.0
) -> tuple[str, dict[str, float]]:
    """The name of the candidate with the lowest score, and all scores.

    score = sum_k [leaving edges of k / edges of k] + balance * (ln K - H(group sizes)), on the graph of the
    min(50, N / 2K) nearest neighbours of `fused`.
    """
    size = max(1, min(JUDGE_NEIGHBOURS, len(fused) // (2 * clusters)))
    near = k_nearest(fused[None], fused[None], size + 1)[0]  # (N, size + 1), mostly itself first
    own = torch.arange(len(fused), device=near.device)[:, None]
    source, target = own.expand_as(near)[near != own], near[near != own]
    scores = {
        name: normalised_cut(labels[source], labels[target], clusters=clusters)
        + balance * imbalance(labels, clusters=clusters)
        for name, labels in found.items()
    }
    return min(scores, key=lambda name: (scores[name], name)), scores


def normalised_cut(source: Tensor, target: Tensor, *, clusters: int) -> float:
    """Sum over groups of the share of their edge ends that leave the group; 0 for perfect groups, at most K.

    Args:
        source: (E,) group of each edge's first end.
        target: (E,) group of its second end.
        clusters: K.
    """
    edges = torch.zeros(clusters * clusters, dtype=torch.float64, device=source.device)
    edges.scatter_add_(0, source * clusters + target, torch.ones_like(source, dtype=torch.float64))
    between = edges.reshape(clusters, clusters)
    between = (between + between.T) / 2
    return float((1 - between.diagonal() / between.sum(dim=1).clamp(min=1)).sum())


def imbalance(labels: Tensor, *, clusters: int) -> float:
    """Ln K minus the entropy of the group sizes in nats: 0 for equal groups."""
    shares = F.one_hot(labels, clusters).double().mean(dim=0)
    return math.log(clusters) + float((shares * shares.clamp(min=1e-12).log()).sum())
