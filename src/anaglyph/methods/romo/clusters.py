"""Clusters that mean the same thing in both modalities (dossier, section 3, steps 4 and 5)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from anaglyph.methods.romo.config import AnnotateConfig
from anaglyph.methods.romo.labels import MODALITIES
from anaglyph.ops.kmeans import kmeans
from anaglyph.randomness import torch_generator


def aligned_centroids(
    memory: Mapping[str, Tensor], config: AnnotateConfig, *, seed: tuple[object, ...]
) -> dict[str, Tensor]:
    """Joint k-means over both memories, then each modality's k-means started from the joint centroids.

    Args:
        memory: modality -> (N, D) unit rows, row i of both is object i.
        config: clusters, geometry and alignment.
        seed: what the random starts depend on.

    Returns:
        modality -> (K, D) centroids; unit-norm for spherical k-means.
    """
    joint = kmeans(
        torch.cat([memory[name] for name in MODALITIES]),
        config.clusters,
        geometry=config.kmeans,
        generator=torch_generator(*seed, "joint"),
    )
    centroids = {}
    for name in MODALITIES:
        centroids[name] = kmeans(
            memory[name],
            config.clusters,
            geometry=config.kmeans,
            generator=torch_generator(*seed, name),
            initial=joint.centroids if config.align_centroids else None,
        ).centroids
        if config.kmeans == "spherical":
            centroids[name] = F.normalize(centroids[name], dim=1)
    return centroids
