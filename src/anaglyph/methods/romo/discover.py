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
from anaglyph.nn.gather import gather_rows
from anaglyph.ops.kmeans import kmeans
from anaglyph.ops.neighbour_graph import spectral_clusters
from anaglyph.randomness import torch_generator
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
        labels = self._cluster(embeddings, seed=context.seed)
        confidence = prototype_posterior(
            embeddings, labels, clusters=self.config.clusters, temperature=self.config.head_temperature
        ).gather(1, labels[:, None])[:, 0]
        pseudo = PseudoLabels(dict.fromkeys(MODALITIES, labels), dict.fromkeys(MODALITIES, confidence))
        context.log(cluster_health(pseudo.labels, clusters=self.config.clusters))
        return write_pseudo_labels(folder, context.keys, pseudo)

    def _cluster(self, embeddings: Mapping[str, Tensor], *, seed: int) -> Tensor:
        fused = F.normalize(embeddings["image"] + embeddings["shape"], dim=1)
        clusters, generator = self.config.clusters, torch_generator(seed, "discover", "clusters")
        if self.config.labels_from == "graph":
            neighbours = min(self.config.neighbours, len(fused) - 1)
            return spectral_clusters(fused, clusters, neighbours=neighbours, generator=generator).assignments
        if self.config.labels_from == "kmeans":
            return kmeans(fused, clusters, geometry="spherical", generator=generator).assignments
        return self._most_informative(embeddings).argmax(dim=1)

    def _most_informative(self, embeddings: Mapping[str, Tensor]) -> Tensor:
        """(N, K) fused posterior of the K-way head with the largest mutual information."""
        best, most = None, -float("inf")
        for head, multiple in zip(self.heads, self.config.head_multiples, strict=True):
            if multiple != 1:
                continue
            posterior = torch.stack([head(embeddings[name]).softmax(dim=1) for name in MODALITIES]).mean(
                dim=0
            )
            certain = (posterior * posterior.clamp(min=1e-12).log()).sum(dim=1).mean()
            information = float(balance_entropy(posterior) + certain)
            if information > most:
                best, most = posterior, information
        if best is None:
            raise ConfigError(
                "labels_from=heads needs at least one head with multiple 1; add 1 to head_multiples."
            )
        return best
