"""RoMo, stage 2: learning from noisy pseudo labels (Li et al., 2024; dossier sections 2.3 and 3).

L2 = w_rdl * sum_v RCLL(h(e^v), y^v) + w_mlm * L_mlm(e^I, e^P). In the paper labels stay as stage 1 wrote
them and the networks are fresh; both can be changed. Retrieval uses the embeddings, not the classifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.errors import ConfigError
from anaglyph.io.weights import load_into, read_weights
from anaglyph.losses.contrastive import common_space_loss
from anaglyph.losses.robust import robust_concentrating_loss
from anaglyph.methods.base import Method, encode_modality, projections
from anaglyph.methods.romo.config import LearnConfig
from anaglyph.methods.romo.embeddings import average_embeddings, prototypes
from anaglyph.methods.romo.heads import CosineHead, classifier
from anaglyph.methods.romo.labels import IGNORED, MODALITIES, read_pseudo_labels
from anaglyph.nn.gather import gather_rows
from anaglyph.nn.moving_average import MovingAverage
from anaglyph.types import Batch, StageContext, StepOutput


class Student(nn.Module):
    """Encoders, projections into the common space and classifiers: what stage 2 trains and may average."""

    def __init__(self, config: LearnConfig, encoders: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict(encoders)
        self.projections = projections(config.projection, encoders, config.embed_dim)
        names = ("shared",) if config.shared_head else MODALITIES
        self.heads = nn.ModuleDict(
            {
                name: classifier(
                    config.head, config.embed_dim, config.clusters, temperature=config.head_temperature
                )
                for name in names
            }
        )

    def features(self, modality: str, batch: Batch) -> Tensor:
        """One modality of a batch -> (B, D) embeddings e, not normalised, float32."""
        features: Tensor = self.projections[modality](encode_modality(self.encoders, modality, batch))
        return features.float()

    def logits(self, modality: str, features: Tensor) -> Tensor:
        """(B, D) embeddings -> (B, K) class logits."""
        with torch.autocast(features.device.type, enabled=False):
            logits: Tensor = self.heads["shared" if "shared" in self.heads else modality](features.float())
        return logits


class Learn(Method):
    """Robust concentration on pseudo labels in a common space."""

    config_cls = LearnConfig
    image_labels: Tensor
    shape_labels: Tensor

    def __init__(self, config: LearnConfig, *, encoders: Mapping[str, nn.Module], objects: int) -> None:
        super().__init__()
        self.config = config
        self.student = Student(config, encoders)
        self.average = (
            MovingAverage(self.student, decay=config.average_decay) if config.average_decay else None
        )
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
            self._set_labels(name, pseudo.labels[name], pseudo.confidence[name])
        if self.config.start_from == "annotate":
            self._take_weights(folder / "model.safetensors")
            self._place_prototypes(context)
        if self.average is not None:
            self.average.copy_from(self.student)

    def before_epoch(self, context: StageContext) -> None:
        """Every `refresh_every` epochs: labels from the fused predictions of both modalities."""
        every = self.config.refresh_every
        if not every or context.epoch == 0 or context.epoch % every:
            return
        embeddings = average_embeddings(self, context, draws=self.config.draws)
        model = self._model()
        posterior = torch.stack(
            [model.logits(name, embeddings[name]).softmax(dim=1) for name in MODALITIES]
        ).mean(dim=0)
        confidence, labels = posterior.max(dim=1)
        context.log({"labels_changed": float((labels != self.image_labels).float().mean())})
        for name in MODALITIES:
            self._set_labels(name, labels, confidence)

    def embed(self, modality: str, batch: Batch) -> Tensor:
        """One modality of a batch -> (B, D) unit vectors; in eval mode of the moving average, if any."""
        return F.normalize(self._model().features(modality, batch), dim=1)

    def classify(self, modality: str, batch: Batch) -> Tensor:
        """One modality of a batch -> (B, K) class posteriors."""
        model = self._model()
        return model.logits(modality, model.features(modality, batch)).softmax(dim=1)

    def training_step(self, batch: Batch) -> StepOutput:
        """L2 over the joined batch of all processes."""
        config = self.config
        raw = {name: gather_rows(self.student.features(name, batch)) for name in MODALITIES}
        unit = {name: F.normalize(raw[name], dim=1) for name in MODALITIES}
        indices = gather_rows(batch.indices)
        rdl = torch.stack([self._robust(name, raw[name], indices) for name in MODALITIES]).sum()
        same = None
        if config.mask_same_label:  # where both modalities say so; with fused labels that is one label
            same = same_label(self.image_labels[indices]) & same_label(self.shape_labels[indices])
        mlm = common_space_loss(unit["image"], unit["shape"], temperature=config.temperature, exclude=same)
        loss = config.label_weight * rdl + config.contrast_weight * mlm
        return StepOutput(loss, {"common_space": mlm, "robust_labels": rdl})

    def after_step(self) -> None:
        """The moving average follows."""
        if self.average is not None:
            self.average.update(self.student)

    def _model(self) -> Student:
        if self.training or self.average is None:
            return self.student
        averaged = self.average.module
        assert isinstance(averaged, Student)
        return averaged

    def _robust(self, modality: str, raw: Tensor, indices: Tensor) -> Tensor:
        weights = getattr(self, f"{modality}_confidence")[indices] if self.config.confidence_weights else None
        return robust_concentrating_loss(
            self.student.logits(modality, raw),
            getattr(self, f"{modality}_labels")[indices],
            alpha=self.config.alpha,
            form=self.config.robust_form,
            weights=weights,
        )

    def _set_labels(self, modality: str, labels: Tensor, confidence: Tensor) -> None:
        getattr(self, f"{modality}_labels").copy_(labels)
        getattr(self, f"{modality}_confidence").copy_(confidence)

    def _take_weights(self, file: Path) -> None:
        weights = read_weights(file)
        for part in ("encoders", "projections"):
            own = {k.removeprefix(part + "."): v for k, v in weights.items() if k.startswith(part + ".")}
            load_into(getattr(self.student, part), own, what=f"the {part} of '{file}'")

    def _place_prototypes(self, context: StageContext) -> None:
        """A shared cosine head starts from the unit means of the fused embeddings of each label."""
        head = self.student.heads["shared"] if self.config.shared_head else None
        if not isinstance(head, CosineHead):
            return
        if self.average is not None:
            self.average.copy_from(self.student)  # `embed` reads the average in eval mode
        embeddings = average_embeddings(self, context, draws=self.config.draws)
        known = self.image_labels != IGNORED
        kept = {name: embeddings[name][known] for name in MODALITIES}
        head.prototypes.copy_(prototypes(kept, self.image_labels[known], clusters=self.config.clusters))


def same_label(labels: Tensor) -> Tensor:
    """(B,) labels -> (B, B) bool, True for different objects with the same label; ignored ones match none."""
    same = (labels[:, None] == labels[None, :]) & (labels != IGNORED)[:, None]
    return same.fill_diagonal_(False)
