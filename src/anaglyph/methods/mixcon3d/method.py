"""MixCon3D: shapes in the space of frozen image and text towers (Gao et al., 2024; dossier MixCon3D, 1).

    L = L_fused,text + 1/3 (L_shape,image + L_shape,text + L_image,text)

Each term is InfoNCE in both directions with a temperature of its own. Pairs with text run over the objects
that have one. Towers never run here: a batch holds their vectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor, nn

from anaglyph.methods.base import Method
from anaglyph.methods.mixcon3d.alignment import Alignment
from anaglyph.methods.mixcon3d.average import averaged, moving_average
from anaglyph.methods.mixcon3d.config import MixCon3DConfig
from anaglyph.methods.mixcon3d.contrast import Contrast, groups_of
from anaglyph.types import Batch, StageContext, StepOutput


class MixCon3D(Method):
    """Shape, image, text, and shape with image, in four pairs."""

    config_cls = MixCon3DConfig
    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "shape": ("points",),
        "image": ("image_features",),
        "text": ("text_features", "text_present"),
        "fused": ("points", "image_features"),
    }
    encoder_names = ("shape",)
    accumulates = True

    def __init__(self, config: MixCon3DConfig, *, encoders: Mapping[str, nn.Module], objects: int) -> None:
        super().__init__()
        self.config = config
        self.student = Alignment(
            config,
            encoders,
            aggregation=config.aggregation,
            fused="fused_text" in config.pairs,
            normalize_before_fusion=config.normalize_before_fusion,
        )
        self.contrast = Contrast(
            config.pairs,
            loss=config.loss,
            clamp=config.clamp,
            hardness=config.hardness,
            margin=config.false_negative_margin,
        )
        if config.forgotten:
            self._forget()
        self.average = moving_average(self.student, config)

    @property
    def embeds(self) -> Mapping[str, tuple[str, ...]]:
        """Without the pair fused_text there is no fused vector."""
        fused = self.student.fusion is not None
        return {name: fields for name, fields in self.inputs.items() if fused or name != "fused"}

    def start(self, context: StageContext) -> None:
        """The average starts from the weights that the encoder was given."""
        if self.average is not None:
            self.average.copy_from(self.student)

    def training_step(self, batch: Batch) -> StepOutput:
        """L over the joined batch of all processes."""
        return self.objective(self.encode(batch))

    def encode(self, batch: Batch) -> dict[str, Tensor]:
        """p, v, c: (B, D); t: (B, T, D) and which texts there are: (B, T) bool; nothing normalised."""
        shape, image = self.student.shape(batch), self.student.image(batch)
        text, present = self.student.texts(batch, count=self.config.texts)
        features = {"shape": shape, "image": image, "text": text, "text_present": present, **groups_of(batch)}
        if self.student.fusion is not None:
            features["fused"] = self.student.fused(shape, image)
        return features

    def objective(self, features: Mapping[str, Tensor]) -> StepOutput:
        """The pairs' losses and their weighted sum."""
        vectors = {name: features[name][:, None] for name in ("shape", "image", "fused") if name in features}
        vectors["text"] = features["text"]
        losses, log = self.contrast(vectors, {"text": features["text_present"]}, features.get("group"))
        terms = [self._weight(pair) * loss for pair, loss in losses.items()]
        return StepOutput(sum(terms[1:], terms[0]), log)

    def after_step(self) -> None:
        """Scales stay in their bounds; the average follows."""
        self.contrast.clamp()
        if self.average is not None:
            self.average.update(self.student)

    def embed(self, modality: str, batch: Batch) -> Tensor:
        """One modality -> (B, D) unit vectors; several views or texts of an object become one vector."""
        return averaged(self).embed(modality, batch)

    def class_vectors(self, features: Tensor) -> Tensor:
        """(C, E) text features of class names -> (C, D) unit vectors."""
        return averaged(self).class_vectors(features)

    def _weight(self, pair: str) -> float:
        return 1.0 if self.config.pair_weights == "released" or pair == "fused_text" else 1 / 3

    def _forget(self) -> None:
        """What the published trainer never hands to its optimiser."""
        left_out: list[Any] = [self.student.views, self.student.fusion]
        if "fused_text" in self.contrast.scales:
            left_out.append(self.contrast.scales["fused_text"])
        for module in left_out:
            if module is not None:
                module.requires_grad_(False)
