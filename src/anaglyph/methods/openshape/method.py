"""OpenShape: shapes straight into the space of frozen towers (Liu et al., 2023; dossier MixCon3D, 2.4).

    L = L_shape,image + L_shape,text

Both terms are InfoNCE in both directions and share one temperature, which nothing bounds. The baseline of
MixCon3D, made of the same parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from anaglyph.methods.base import Method
from anaglyph.methods.mixcon3d.alignment import Alignment
from anaglyph.methods.mixcon3d.average import averaged, moving_average
from anaglyph.methods.mixcon3d.config import AlignmentConfig, Clamp, LossKind, check_contrast
from anaglyph.methods.mixcon3d.contrast import Contrast, groups_of
from anaglyph.nn.adapter import Head
from anaglyph.types import Batch, StageContext, StepOutput


@dataclass(frozen=True, kw_only=True)
class OpenShapeConfig(AlignmentConfig):
    """Shape towards picture, shape towards text."""

    head: Head = "none"
    """The map h behind frozen features. The paper says two linear maps; the published weights have none."""
    share_head: bool = False
    """One h for pictures and texts; needs towers of one width."""
    average_decay: float = 0.0
    """Decay of the moving average; 0 keeps none."""
    loss: LossKind = "infonce"
    """As for `mixcon3d`."""
    shared_scale: bool = True
    """One scale for both pairs, or one each."""
    clamp: Clamp = "none"
    """Which scales are kept in [1, 100]: all, released (as for `mixcon3d`) or none."""
    hardness: float = 0.0
    """beta of the weights of negatives, w ~ exp(beta sim); 0 weighs all alike. InfoNCE alone."""
    false_negative_margin: float | None = None
    """delta: objects whose text fits another's picture almost as well are no negatives; null keeps all.
    OpenShape takes 0.1 in its second stage, whose batches are made of look-alikes."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_contrast(self.loss, self.hardness, self.false_negative_margin, self.texts)


class OpenShape(Method):
    """Two pairs, one temperature."""

    config_cls = OpenShapeConfig
    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "shape": ("points",),
        "image": ("image_features",),
        "text": ("text_features", "text_present"),
    }
    encoder_names = ("shape",)
    accumulates = True

    def __init__(self, config: OpenShapeConfig, *, encoders: Mapping[str, nn.Module], objects: int) -> None:
        super().__init__()
        self.config = config
        self.student = Alignment(config, encoders)
        self.contrast = Contrast(
            ("shape_image", "shape_text"),
            loss=config.loss,
            shared_scale=config.shared_scale,
            clamp=config.clamp,
            hardness=config.hardness,
            margin=config.false_negative_margin,
        )
        self.average = moving_average(self.student, config)

    def start(self, context: StageContext) -> None:
        """The average starts from the weights that the encoder was given."""
        if self.average is not None:
            self.average.copy_from(self.student)

    def training_step(self, batch: Batch) -> StepOutput:
        """L over the joined batch of all processes."""
        return self.objective(self.encode(batch))

    def encode(self, batch: Batch) -> dict[str, Tensor]:
        """Shape and image: (B, D); texts: (B, T, D) and which there are: (B, T) bool; nothing normalised."""
        text, present = self.student.texts(batch, count=self.config.texts)
        shape, image = self.student.shape(batch), self.student.image(batch)
        return {"shape": shape, "image": image, "text": text, "text_present": present, **groups_of(batch)}

    def objective(self, features: Mapping[str, Tensor]) -> StepOutput:
        """The sum of both pairs."""
        vectors = {name: features[name][:, None] for name in ("shape", "image")}
        losses, log = self.contrast(
            {**vectors, "text": features["text"]}, {"text": features["text_present"]}, features.get("group")
        )
        return StepOutput(losses["shape_image"] + losses["shape_text"], log)

    def after_step(self) -> None:
        """Scales stay in their bounds, where they have any; the average follows."""
        self.contrast.clamp()
        if self.average is not None:
            self.average.update(self.student)

    def embed(self, modality: str, batch: Batch) -> Tensor:
        """One modality -> (B, D) unit vectors; several views or texts of an object become one vector."""
        return averaged(self).embed(modality, batch)

    def class_vectors(self, features: Tensor) -> Tensor:
        """(C, E) text features of class names -> (C, D) unit vectors."""
        return averaged(self).class_vectors(features)
