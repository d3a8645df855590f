"""ULIP: point encoders into the space of frozen towers (Xue et al., 2023; dossier CrossMoST, 2).

    L = NCE(p, t; s) + NCE(p, v; s)

p is a shape, t one caption, v one picture; both terms are InfoNCE in both directions with one scale s.
ULIP-2 (Xue et al., 2024) is the same loss with other towers, captions and a coloured encoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor, nn

from anaglyph.errors import ConfigError
from anaglyph.methods.base import Method
from anaglyph.methods.mixcon3d.alignment import Alignment
from anaglyph.methods.mixcon3d.average import averaged, moving_average
from anaglyph.methods.mixcon3d.config import AlignmentConfig, check_contrast
from anaglyph.methods.mixcon3d.contrast import Contrast, groups_of
from anaglyph.nn.adapter import Head
from anaglyph.nn.log_scale import LARGEST, START
from anaglyph.types import Batch, StageContext, StepOutput


@dataclass(frozen=True, kw_only=True)
class ULIPConfig(AlignmentConfig):
    """Shape towards picture, shape towards text, straight into the towers' space."""

    embed_dim: int = 512
    """Size of the towers' space, and of the encoder `projected`; 1280 in ULIP-2."""
    image_dim: int = 512
    """Width of the image tower's vectors."""
    text_dim: int = 512
    """Width of the text tower's vectors."""
    head: Head = "none"
    """The map behind frozen features; ULIP has none."""
    share_head: bool = False
    """One h for pictures and texts; needs towers of one width."""
    average_decay: float = 0.0
    """Decay of the moving average; 0 keeps none."""
    scale_start: float = START
    """s at the start, one over the temperature, 1 to 100."""
    learn_scale: bool = True
    """The release copies s from the towers' file and freezes it with them."""
    gather: Literal["joined", "detached"] = "joined"
    """joined: the loss of one process with the whole batch, gradients included; detached: as released,
    what is gathered carries no gradient, so that with several only the shape's own softmax teaches."""
    false_negative_margin: float | None = None
    """delta: objects whose text fits another's picture almost as well are no negatives; null keeps all."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.scale_start <= LARGEST:
            raise ConfigError(f"scale_start must lie in 1 to {LARGEST:g}, got {self.scale_start}.")
        check_contrast("infonce_local", 0.0, self.false_negative_margin, self.texts)


class ULIP(Method):
    """Two pairs, one bounded temperature; only the shape encoder learns."""

    config_cls = ULIPConfig
    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "shape": ("points",),
        "image": ("image_features",),
        "text": ("text_features", "text_present"),
    }
    encoder_names = ("shape",)
    accumulates = True

    def __init__(self, config: ULIPConfig, *, encoders: Mapping[str, nn.Module], objects: int) -> None:
        super().__init__()
        self.config = config
        self.student = Alignment(config, encoders)
        self.contrast = Contrast(
            ("shape_image", "shape_text"),
            loss="infonce_local",
            shared_scale=True,
            margin=config.false_negative_margin,
            start=config.scale_start,
            detached=config.gather == "detached",
        )
        self.contrast.scales.requires_grad_(config.learn_scale)
        self.average = moving_average(self.student, config)

    def start(self, context: StageContext) -> None:
        """The average starts from the weights that the encoder was given."""
        if self.average is not None:
            self.average.copy_from(self.student)

    def training_step(self, batch: Batch) -> StepOutput:
        """L of this process's rows against those of all."""
        return self.objective(self.encode(batch))

    def encode(self, batch: Batch) -> dict[str, Tensor]:
        """Shape and image: (B, D); texts: (B, 1, D) and which there are: (B, 1) bool; nothing normalised."""
        text, present = self.student.texts(batch, count=1)
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
        """The scale stays in its bounds; the average follows."""
        self.contrast.clamp()
        if self.average is not None:
            self.average.update(self.student)

    def embed(self, modality: str, batch: Batch) -> Tensor:
        """One modality -> (B, D) unit vectors; several views or texts of an object become one vector."""
        return averaged(self).embed(modality, batch)

    def class_vectors(self, features: Tensor) -> Tensor:
        """(C, E) text features of class names -> (C, D) unit vectors."""
        return averaged(self).class_vectors(features)
