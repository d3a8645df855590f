"""A shape and all its pictures and texts in one step, positives that do not compete (after HOLA, 2026).

    L = L_shape,images + L_shape,texts

Each picture and each text of a shape is a positive of its own. In a softmax over all of them the easy ones
push the others away; in the decoupled loss a positive meets negatives alone (`losses.multi_positive`). From
the loss that the abstract of arXiv 2606.01334 describes (dossier MixCon3D, 4.4), not from the paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor, nn

from anaglyph.methods.base import Method
from anaglyph.methods.mixcon3d.alignment import Alignment
from anaglyph.methods.mixcon3d.average import averaged, moving_average
from anaglyph.methods.mixcon3d.config import AlignmentConfig, Clamp, check_contrast
from anaglyph.methods.mixcon3d.contrast import Contrast, groups_of
from anaglyph.types import Batch, StageContext, StepOutput


@dataclass(frozen=True, kw_only=True)
class MultiPositiveConfig(AlignmentConfig):
    """Shape towards all its pictures, shape towards all its texts."""

    texts: int = 8
    """Most texts of an object that a step reads; all pictures of the batch are read."""
    loss: Literal["decoupled", "joint"] = "decoupled"
    """Positives that do not compete, or the usual softmax that holds all of them."""
    clamp: Clamp = "all"
    """Which scales are kept in [1, 100]: all, released (as for `mixcon3d`) or none."""
    false_negative_margin: float | None = None
    """delta: objects whose text fits another's picture almost as well are no negatives; null keeps all."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_contrast(self.loss, 0.0, self.false_negative_margin, self.texts)


class MultiPositive(Method):
    """One shape, many positives."""

    config_cls = MultiPositiveConfig
    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "shape": ("points",),
        "image": ("image_features",),
        "text": ("text_features", "text_present"),
    }
    encoder_names = ("shape",)
    accumulates = True

    def __init__(
        self, config: MultiPositiveConfig, *, encoders: Mapping[str, nn.Module], objects: int
    ) -> None:
        super().__init__()
        self.config = config
        self.student = Alignment(config, encoders)
        self.contrast = Contrast(
            ("shape_image", "shape_text"),
            loss=config.loss,
            clamp=config.clamp,
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
        """Shape: (B, D); images: (B, M, D); texts: (B, T, D), (B, T) bool which there are; not normalised."""
        text, present = self.student.texts(batch, count=self.config.texts)
        shape, image = self.student.shape(batch), self.student.images(batch)
        return {"shape": shape, "image": image, "text": text, "text_present": present, **groups_of(batch)}

    def objective(self, features: Mapping[str, Tensor]) -> StepOutput:
        """The sum of both pairs."""
        vectors = {"shape": features["shape"][:, None], "image": features["image"], "text": features["text"]}
        losses, log = self.contrast(vectors, {"text": features["text_present"]}, features.get("group"))
        return StepOutput(losses["shape_image"] + losses["shape_text"], log)

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
