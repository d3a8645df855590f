"""RoMo, stage 1: pseudo labels without labels (Li et al., 2024; dossier sections 2.1, 2.2 and 3).

L1 = lambda_1 * L_ssm + (1 - lambda_1) * L_mlm. Self-matching (after CoDA) teaches each network to predict
the cluster that the memory of an object falls into; the common-space loss pulls an image and its shape
together. Clusters start from joint spherical k-means, so cluster k means the same in both modalities.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.errors import ConfigError, TrainingError
from anaglyph.evaluation.clustering import hungarian_accuracy, largest_share
from anaglyph.losses.contrastive import common_space_loss
from anaglyph.methods.base import Method, encode_modality, projections
from anaglyph.methods.romo.clusters import aligned_centroids
from anaglyph.methods.romo.config import AnnotateConfig
from anaglyph.methods.romo.labels import (
    MODALITIES,
    PseudoLabels,
    cluster_health,
    emit_labels,
    write_pseudo_labels,
)
from anaglyph.nn.gather import gather_rows
from anaglyph.nn.memory_bank import MemoryBank
from anaglyph.ops.sinkhorn import sinkhorn
from anaglyph.randomness import torch_generator
from anaglyph.types import Batch, StageContext, StepOutput

MAX_COLLAPSES = 3


class Annotate(Method):
    """Self-matching and common-space learning that end in one pseudo label per object."""

    config_cls = AnnotateConfig
    ready: Tensor
    collapses: Tensor
    best_score: Tensor

    def __init__(self, config: AnnotateConfig, *, encoders: Mapping[str, nn.Module], objects: int) -> None:
        super().__init__()
        if objects <= config.clusters:
            raise ConfigError(
                f"{objects} objects cannot form {config.clusters} clusters; use more data or fewer clusters."
            )
        self.config = config
        self.uses_labels = self.leaks_labels(config)
        self.encoders = nn.ModuleDict(encoders)
        self.projections = projections(config.projection, encoders, config.embed_dim)
        self.classifiers = nn.ModuleDict(
            {name: nn.Linear(config.embed_dim, config.clusters, bias=False) for name in MODALITIES}
        )
        self.memory = nn.ModuleDict({name: MemoryBank(objects, config.embed_dim) for name in MODALITIES})
        self.register_buffer("ready", torch.zeros((), dtype=torch.bool))
        self.register_buffer("collapses", torch.zeros((), dtype=torch.int64))
        self.register_buffer("best_score", torch.tensor(-1.0))
        for name in MODALITIES:
            self.register_buffer(f"best_labels_{name}", torch.zeros(objects, dtype=torch.int64))
            self.register_buffer(f"best_confidence_{name}", torch.zeros(objects))
        self._pending: tuple[Tensor, dict[str, Tensor]] | None = None

    @classmethod
    def leaks_labels(cls, config: AnnotateConfig) -> bool:
        """True for the published code's farthest-neighbour labels and its selection by accuracy."""
        return config.farthest_truth_labels or config.select == "oracle"

    def features(self, modality: str, batch: Batch) -> Tensor:
        """One modality of a batch -> (B, D) embeddings e, not normalised, float32."""
        features: Tensor = self.projections[modality](encode_modality(self.encoders, modality, batch))
        return features.float()

    def embed(self, modality: str, batch: Batch) -> Tensor:
        """One modality of a batch -> (B, D) unit vectors."""
        return F.normalize(self.features(modality, batch), dim=1)

    def param_groups(self) -> list[dict[str, Any]]:
        """Networks at the stage's learning rate, cluster classifiers at `head_lr_scale` times it."""
        networks = [*self.encoders.parameters(), *self.projections.parameters()]
        heads = list(self.classifiers.parameters())
        return [{"params": networks}, {"params": heads, "lr_scale": self.config.head_lr_scale}]

    def training_step(self, batch: Batch) -> StepOutput:
        """L1 over the joined batch of all processes; L_mlm alone while memory is not built."""
        raw = {name: gather_rows(self.features(name, batch)) for name in MODALITIES}
        unit = {name: F.normalize(raw[name], dim=1) for name in MODALITIES}
        mlm = common_space_loss(unit["image"], unit["shape"], temperature=self.config.temperature)
        if not self.ready:
            # The classifiers take part with weight 0: processes must agree on which parameters train.
            idle = sum((self._classifier(name).weight.sum() * 0.0 for name in MODALITIES), mlm.new_zeros(()))
            return StepOutput(mlm + idle, {"common_space": mlm})
        indices = gather_rows(batch.indices)
        targets = self._targets(indices)
        ssm = torch.stack(
            [F.cross_entropy(self._logits(name, raw[name], unit[name]), targets[name]) for name in MODALITIES]
        ).sum()
        self._pending = (indices, {name: raw[name].detach() for name in MODALITIES})
        weight = self.config.ssm_weight
        return StepOutput(weight * ssm + (1 - weight) * mlm, {"common_space": mlm, "self_matching": ssm})

    def after_step(self) -> None:
        """M_i <- normalise(m M_i + (1 - m) e_i / |e_i|) for the objects of the step just taken."""
        if self._pending is None:
            return
        indices, raw = self._pending
        self._pending = None
        momentum = self.config.memory_momentum
        for name in MODALITIES:
            memory = self._bank(name)
            if self.config.scrambled_memory:  # as published: raw embeddings into unit-norm rows
                mixed = momentum * memory.rows(indices) + (1 - momentum) * raw[name]
                memory.bank[indices] = F.normalize(mixed, dim=1)
            else:
                memory.update(indices, raw[name], momentum=momentum)

    def before_epoch(self, context: StageContext) -> None:
        """Build memory and clusters after the warm-up; afterwards guard against collapse and select."""
        if context.epoch < self.config.warmup_epochs:
            return
        if not self.ready:
            self._fill_memory(context)
            self._initialise_classifiers(context)
            self.ready.fill_(True)
        else:
            self._guard(context)
        self._select(context)

    def finish(self, context: StageContext, folder: Path) -> list[Path]:
        """Write the selected labels and their confidence, a file each per modality."""
        if not self.ready:
            raise TrainingError(
                f"no labels: all {context.epochs} epochs were warm-up. Set epochs above "
                f"warmup_epochs={self.config.warmup_epochs}."
            )
        self._select(context)
        share = max(largest_share(labels.cpu()) for labels in self.selected().labels.values())
        if share > self.config.collapse_share and self.config.on_collapse != "ignore":
            raise TrainingError(
                f"the emitted labels collapsed: one cluster holds {share:.0%} of the objects (allowed: "
                f"{self.config.collapse_share:.0%}). Raise warmup_epochs, lower head_lr_scale or use "
                f"target=sinkhorn or select=agreement."
            )
        return write_pseudo_labels(folder, context.keys, self.selected())

    def posteriors(self) -> dict[str, Tensor]:
        """Modality -> (N, K) softmax of the classifier over the memory of every object."""
        return {name: self._classify(name, self._bank(name).bank).softmax(dim=1) for name in MODALITIES}

    def selected(self) -> PseudoLabels:
        """The labels that `select` has chosen so far."""
        return PseudoLabels(
            {name: getattr(self, f"best_labels_{name}") for name in MODALITIES},
            {name: getattr(self, f"best_confidence_{name}") for name in MODALITIES},
        )

    def _bank(self, name: str) -> MemoryBank:
        bank = self.memory[name]
        assert isinstance(bank, MemoryBank)
        return bank

    def _classifier(self, name: str) -> nn.Linear:
        head = self.classifiers[name]
        assert isinstance(head, nn.Linear)
        return head

    def _logits(self, name: str, raw: Tensor, unit: Tensor) -> Tensor:
        if self.config.unit_features:
            return self._classify(name, unit)
        return self._scores(name, raw)

    def _classify(self, name: str, unit: Tensor) -> Tensor:
        return self._scores(name, unit) / self.config.feature_temperature

    def _scores(self, name: str, features: Tensor) -> Tensor:
        """(B, D) -> (B, K), float32 also under autocast: near-equal clusters must not tie."""
        with torch.autocast(features.device.type, enabled=False):
            return F.linear(features.float(), self._classifier(name).weight)

    @torch.no_grad()
    def _targets(self, indices: Tensor) -> dict[str, Tensor]:
        """Self-matching targets of the batch: class indices, or (B, K) soft ones."""
        config = self.config
        scores = {name: self._scores(name, self._bank(name).rows(indices)) for name in MODALITIES}
        if config.fused_target:
            mean = (scores["image"] + scores["shape"]) / 2
            scores = dict.fromkeys(MODALITIES, mean)
        if config.target == "hard":
            return {name: score.argmax(dim=1) for name, score in scores.items()}
        if config.target == "soft":
            return {name: (score / config.soft_temperature).softmax(dim=1) for name, score in scores.items()}
        return {name: sinkhorn(score, epsilon=config.soft_temperature) for name, score in scores.items()}

    def _fill_memory(self, context: StageContext) -> None:
        """Row i of memory <- unit-norm embedding of object i, by index (never by batch position)."""
        filled: dict[str, list[Tensor]] = {name: [] for name in MODALITIES}
        rows = []
        for batch in context.batches():
            rows.append(batch.indices)
            for name in MODALITIES:
                filled[name].append(self.features(name, batch))
        for name in MODALITIES:
            if self.config.scrambled_memory:
                # As published: another shuffle per modality, and the norm taken along the batch axis.
                order = torch.randperm(
                    len(context.keys), generator=torch_generator(context.seed, "scramble", name)
                )
                shuffled = torch.cat(filled[name])[order.to(filled[name][0].device)]
                blocks = [
                    F.normalize(shuffled[first : first + 50], dim=0) for first in range(0, len(order), 50)
                ]
                self._bank(name).bank.copy_(torch.cat(blocks))
                self._bank(name).filled.fill_(True)
            else:
                self._bank(name).fill(torch.cat(rows), torch.cat(filled[name]))

    def _initialise_classifiers(self, context: StageContext) -> None:
        memory = {name: self._bank(name).bank for name in MODALITIES}
        centroids = aligned_centroids(
            memory, self.config, seed=(context.seed, "clusters", context.epoch, int(self.collapses))
        )
        for name in MODALITIES:
            self._classifier(name).weight.copy_(centroids[name])

    def _guard(self, context: StageContext) -> None:
        """Collapse guard (dossier, section 3): restart the clusters from memory, or stop."""
        share = max(largest_share(posterior.argmax(dim=1).cpu()) for posterior in self.posteriors().values())
        if share <= self.config.collapse_share or self.config.on_collapse == "ignore":
            self.collapses.zero_()
            return
        self.collapses += 1
        if self.config.on_collapse == "stop" or int(self.collapses) >= MAX_COLLAPSES:
            raise TrainingError(
                f"the clusters collapsed: one holds {share:.0%} of the objects (allowed: "
                f"{self.config.collapse_share:.0%}; {int(self.collapses)} in a row). "
                f"Raise warmup_epochs, lower head_lr_scale or use target=sinkhorn."
            )
        self._initialise_classifiers(context)

    def _select(self, context: StageContext) -> None:
        """Keep this epoch's labels if the criterion prefers them; log the label-free health numbers."""
        posteriors = self.posteriors()
        separate = {name: posteriors[name].argmax(dim=1) for name in MODALITIES}
        fused = emit_labels(posteriors, fusion=self.config.label_fusion)
        health = cluster_health(separate, clusters=self.config.clusters)
        truth = self._truth(context) if self.uses_labels else None
        if self.config.farthest_truth_labels and truth is not None:
            fused = self._farthest_truth(truth)
        score = health["label_agreement"] * health["size_entropy"]
        if self.config.select == "oracle" and truth is not None:
            score = (
                sum(hungarian_accuracy(fused.labels[name].cpu(), truth.cpu()).accuracy for name in MODALITIES)
                / 2
            )
        if self.config.select == "last" or score >= float(self.best_score):
            self.best_score.fill_(score)
            for name in MODALITIES:
                getattr(self, f"best_labels_{name}").copy_(fused.labels[name])
                getattr(self, f"best_confidence_{name}").copy_(fused.confidence[name])
        context.log(health)

    def _truth(self, context: StageContext) -> Tensor:
        return torch.cat([batch.require("labels") for batch in context.batches()])

    def _farthest_truth(self, truth: Tensor) -> PseudoLabels:
        """LEAK, as published: the query modality's true label at the row of the farthest gallery item."""
        image, shape = (F.normalize(self._bank(name).bank, dim=1) for name in MODALITIES)
        similarity = image @ shape.T
        labels = {"image": truth[similarity.argmin(dim=1)], "shape": truth[similarity.argmin(dim=0)]}
        return PseudoLabels(
            labels, {name: torch.ones(len(truth), device=truth.device) for name in MODALITIES}
        )
