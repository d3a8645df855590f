"""Embeddings of crops and of whole splits, and what labels are read from: prototypes and posteriors."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from anaglyph.methods.base import Method
from anaglyph.methods.romo.labels import MODALITIES
from anaglyph.types import Batch, StageContext


def embed_crops(method: Method, modality: str, batch: Batch) -> list[Tensor]:
    """Unit embeddings of a batch and of its further crops, encoded in one pass: crops + 1 times (B, D)."""
    field = method.inputs[modality][0]
    joined = torch.cat([crop.require(field) for crop in (batch, *batch.crops)])
    together = Batch(
        keys=batch.keys * (1 + len(batch.crops)),
        indices=batch.indices.repeat(1 + len(batch.crops)),
        images=joined if field == "images" else None,
        points=joined if field == "points" else None,
    )
    return list(method.embed(modality, together).chunk(1 + len(batch.crops)))


def average_embeddings(method: Method, context: StageContext, *, draws: int) -> dict[str, Tensor]:
    """Modality -> (N, D) unit vectors of the training split, each the mean over one plain and `draws`
    augmented passes.
    """
    passes = [context.batches, *(lambda draw=draw: context.augmented(draw) for draw in range(draws))]
    sums: dict[str, Tensor] = {}
    for batches in passes:
        parts: dict[str, list[Tensor]] = {name: [] for name in MODALITIES}
        for batch in batches():
            for name in MODALITIES:
                parts[name].append(method.embed(name, batch))
        for name in MODALITIES:
            whole = torch.cat(parts[name])
            sums[name] = whole if name not in sums else sums[name] + whole
    return {name: F.normalize(total, dim=1) for name, total in sums.items()}


def prototypes(embeddings: Mapping[str, Tensor], labels: Tensor, *, clusters: int) -> Tensor:
    """(K, D) unit means of the fused embeddings of each label; a label nobody has gets a zero vector."""
    fused = F.normalize(embeddings["image"] + embeddings["shape"], dim=1)
    totals = fused.new_zeros(clusters, fused.shape[1]).index_add(0, labels, fused)
    return F.normalize(totals, dim=1)


def prototype_posterior(
    embeddings: Mapping[str, Tensor], labels: Tensor, *, clusters: int, temperature: float
) -> Tensor:
    """(N, K) mean over modalities of the softmax over cosines to the labels' prototypes."""
    centres = prototypes(embeddings, labels, clusters=clusters)
    return torch.stack(
        [(embeddings[name] @ centres.T / temperature).softmax(dim=1) for name in MODALITIES]
    ).mean(dim=0)
