"""RoMo, stage 2: learning from noisy pseudo labels (Li et al., 2024; dossier sections 2.3 and 3).

L2 = w_rdl * sum_v RCLL(h(e^v), y^v) + w_mlm * L_mlm(e^I, e^P). Labels stay as stage 1 wrote them; the
networks are fresh unless `start_from` says otherwise. Retrieval uses the embeddings, not the classifier.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.errors import ConfigError
from anaglyph.io.weights import load_into, read_weights
from anaglyph.losses.contrastive import common_space_loss
from anaglyph.losses.robust import robust_concentrating_loss
from anaglyph.methods.base import Method, encode_modality
from anaglyph.methods.romo.config import LearnConfig
from anaglyph.methods.romo.labels import IGNORED, MODALITIES, read_pseudo_labels
from anaglyph.nn.gather import gather_rows
from anaglyph.nn.projection import projection
from anaglyph.types import Batch, StageContext, StepOutput


class CosineHead(nn.Module):
    """Unit embeddings against unit prototypes, divided by a temperature: tight classes on the sphere."""

    def __init__(self, embed_dim: int, clusters: int, *, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.prototypes = nn.Parameter(torch.randn(clusters, embed_dim))

    def forward(self, embedding: Tensor) -> Tensor:
        """(B, D) -> (B, K) logits."""
        return F.normalize(embedding, dim=1) @ F.normalize(self.prototypes, dim=1).T / self.temperature


def classifier(config: LearnConfig) -> nn.Module:
    """h: (B, D) embeddings -> (B, K) logits."""
    if config.head == "cosine":
        return CosineHead(config.embed_dim, config.clusters, temperature=config.head_temperature)
    if config.head == "linear":
        return nn.Linear(config.embed_dim, config.clusters)
    return nn.Sequential(nn.Linear(config.embed_dim, 128), nn.ReLU(), nn.Linear(128, config.clusters))


class Learn(Method):
    """Robust concentration on pseudo labels in a common space."""

    config_cls = LearnConfig
    image_labels: Tensor
    shape_labels: Tensor

    def __init__(self, config: LearnConfig, *, encoders: Mapping[str, nn.Module], objects: int) -> None:
        super().__init__()
        self.config = config
        self.encoders = nn.ModuleDict(encoders)
        self.projections = nn.ModuleDict(
            {
                name: projection(config.projection, int(encoder.embed_dim), config.embed_dim)
                for name, encoder in encoders.items()
            }
        )
        names = ("shared",) if config.shared_head else MODALITIES
        self.heads = nn.ModuleDict({name: classifier(config) for name in names})
        for name in MODALITIES:
            self.register_buffer(f"{name}_labels", torch.full((objects,), IGNORED))
            self.register_buffer(f"{name}_confidence", torch.ones(objects))

    def start(self, context: StageContext) -> None:
        """Take over labels, and weights where asked, from the annotation stage."""
        if len(context.artefacts) != 1:
            raise ConfigError(
                f"romo_learn needs exactly one annotation stage, got {sorted(context.artefacts)}; "
                f"write needs: [annotate]."
            )
        (folder,) = context.artefacts.values()
        pseudo = read_pseudo_labels(folder, context.keys, clusters=self.config.clusters)
        for name in MODALITIES:
            getattr(self, f"{name}_labels").copy_(pseudo.labels[name])
            getattr(self, f"{name}_confidence").copy_(pseudo.confidence[name])
        if self.config.start_from == "annotate":
            weights = read_weights(folder / "model.safetensors")
            for part in ("encoders", "projections"):
                own = {k.removeprefix(part + "."): v for k, v in weights.items() if k.startswith(part + ".")}
                load_into(getattr(self, part), own, what=f"{part} of the annotation stage")

    def features(self, modality: str, batch: Batch) -> Tensor:
        """One modality of a batch -> (B, D) embeddings e, not normalised, float32."""
        features: Tensor = self.projections[modality](encode_modality(self.encoders, modality, batch))
        return features.float()

    def embed(self, modality: str, batch: Batch) -> Tensor:
        """One modality of a batch -> (B, D) unit vectors."""
        return F.normalize(self.features(modality, batch), dim=1)

    def classify(self, modality: str, batch: Batch) -> Tensor:
        """One modality of a batch -> (B, K) class posteriors."""
        return self._logits(modality, self.features(modality, batch)).softmax(dim=1)

    def training_step(self, batch: Batch) -> StepOutput:
        """L2 over the joined batch of all processes."""
        config = self.config
        raw = {name: gather_rows(self.features(name, batch)) for name in MODALITIES}
        unit = {name: F.normalize(raw[name], dim=1) for name in MODALITIES}
        indices = gather_rows(batch.indices)
        rdl = torch.stack([self._robust(name, raw[name], indices) for name in MODALITIES]).sum()
        same = same_label(self.image_labels[indices]) if config.mask_same_label else None
        mlm = common_space_loss(unit["image"], unit["shape"], temperature=config.temperature, exclude=same)
        loss = config.label_weight * rdl + config.contrast_weight * mlm
        return StepOutput(loss, {"common_space": mlm, "robust_labels": rdl})

    def _robust(self, modality: str, raw: Tensor, indices: Tensor) -> Tensor:
        return robust_concentrating_loss(
            self._logits(modality, raw),
            getattr(self, f"{modality}_labels")[indices],
            alpha=self.config.alpha,
            form=self.config.robust_form,
            weights=getattr(self, f"{modality}_confidence")[indices]
            if self.config.confidence_weights
            else None,
        )

    def _logits(self, modality: str, raw: Tensor) -> Tensor:
        logits: Tensor = self.heads["shared" if self.config.shared_head else modality](raw)
        return logits.float()


def same_label(labels: Tensor) -> Tensor:
    """(B,) labels -> (B, B) bool, True for different objects with the same label; ignored ones match none."""
    same = (labels[:, None] == labels[None, :]) & (labels != IGNORED)[:, None]
    same.fill_diagonal_(False)
    return same
