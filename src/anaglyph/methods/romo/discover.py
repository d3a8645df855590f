"""Stage 1 of RoMo's preset `best`: discover classes by fused mutual information, then read them off a graph.

Where the paper initialises clusters from the memory of a contrastive space and lets each network match
itself, this stage lets both modalities, under several augmentations, agree directly on balanced clusters
(Krause et al., 2010; Ji et al., 2019), with many heads at once (after Caron et al., 2018, and Adaloglou
et al., 2023). Labels come from spectral clustering (Ng et al., 2001) of the neighbour graph of fused
embeddings. What crosses to stage 2 is the same: one label and one confidence per object.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.errors import ConfigError
from anaglyph.losses.clustering import balance_entropy, fused_information
from anaglyph.losses.contrastive import multi_view_nce
from anaglyph.methods.base import Method, encode_modality, projections
from anaglyph.methods.romo.config import DiscoverConfig
from anaglyph.methods.romo.embeddings import average_embeddings, embed_crops, prototype_posterior
from anaglyph.methods.romo.heads import CosineHead
from anaglyph.methods.romo.labels import MODALITIES, PseudoLabels, cluster_health, write_pseudo_labels
from anaglyph.methods.romo.partitions import candidates, choose_partition
from anaglyph.nn.gather import gather_rows
from anaglyph.types import Batch, StageContext, StepOutput


class Discover(Method):
    """Both modalities of an object agree on balanced clusters; a neighbour graph turns that into labels."""

    config_cls = DiscoverConfig

    def __init__(self, config: DiscoverConfig, *, encoders: Mapping[str, nn.Module], objects: int) -> None:
        super().__init__()
        self.config = config
        self.crops = config.crops
        if objects <= config.clusters:
            raise ConfigError(
                f"{objects} objects cannot form {config.clusters} clusters; use more data or fewer."
            )
        self.encoders = nn.ModuleDict(encoders)
        self.projections = projections(config.projection, encoders, config.embed_dim)
        sizes = [max(2, round(multiple * config.clusters)) for multiple in config.head_multiples]
        self.heads = nn.ModuleList(
            CosineHead(config.embed_dim, size, temperature=config.head_temperature) for size in sizes
        )

    def embed(self, modality: str, batch: Batch) -> Tensor:
        """One modality of a batch -> (B, D) unit vectors."""
        features = self.projections[modality](encode_modality(self.encoders, modality, batch))
        return F.normalize(features.float(), dim=1)

    def training_step(self, batch: Batch) -> StepOutput:
        """Mean clustering loss over the heads, and NT-Xent where it has a weight, over the joined batch."""
        views = [
            gather_rows(embedding) for name in MODALITIES for embedding in embed_crops(self, name, batch)
        ]  # 2 * crops tensors (B, D)
        stacked = torch.stack(views)  # (M, B, D)
        config = self.config
        information = torch.stack(
            [fused_information(head(stacked), balance=config.balance) for head in self.heads]
        ).mean()
        parts = {"information": information}
        loss = config.information_weight * information
        if config.contrast_weight:
            parts["contrast"] = multi_view_nce(stacked, temperature=config.temperature)
            loss = loss + config.contrast_weight * parts["contrast"]
        return StepOutput(loss, parts)

    def finish(self, context: StageContext, folder: Path) -> list[Path]:
        """Fused embeddings of the whole training split -> clusters -> one label and confidence an object."""
        embeddings = average_embeddings(self, context, draws=self.config.draws)
        labels = self._cluster(embeddings, context)
        confidence = prototype_posterior(
            embeddings, labels, clusters=self.config.clusters, temperature=self.config.head_temperature
        ).gather(1, labels[:, None])[:, 0]
        pseudo = PseudoLabels(dict.fromkeys(MODALITIES, labels), dict.fromkeys(MODALITIES, confidence))
        context.log(cluster_health(pseudo.labels, clusters=self.config.clusters))
        return write_pseudo_labels(folder, context.keys, pseudo)

    def _cluster(self, embeddings: Mapping[str, Tensor], context: StageContext) -> Tensor:
        """(N,) labels: one way of clustering, or of several the best by a label-free score."""
        config = self.config
        fused = F.normalize(embeddings["image"] + embeddings["shape"], dim=1)
        posteriors = [
            torch.stack([head(embeddings[name]).softmax(dim=1) for name in MODALITIES]).mean(dim=0)
            for head in self.heads
        ]
        exact = [p for p, multiple in zip(posteriors, config.head_multiples, strict=True) if multiple == 1]
        best = max(exact, key=information).argmax(dim=1) if exact else None
        found = candidates(
            fused, torch.cat(posteriors, dim=1), best, clusters=config.clusters, seed=context.seed
        )
        chosen, scores = choose_partition(fused, found, clusters=config.clusters)
        if config.labels_from != "best":
            chosen = config.labels_from
        if chosen not in found:
            raise ConfigError(
                f"labels_from={chosen} is not among the candidates {sorted(found)}; "
                f"head needs a multiple of 1 in head_multiples, a graph more objects than its neighbours."
            )
        context.log({f"partition_{name}": score for name, score in scores.items()})
        return found[chosen]


def information(posterior: Tensor) -> float:
    """Mutual information between object and cluster of (N, K) posteriors, in nats."""
    certain = (posterior * posterior.clamp(min=1e-12).log()).sum(dim=1).mean()
    return float(balance_entropy(posterior) + certain)
