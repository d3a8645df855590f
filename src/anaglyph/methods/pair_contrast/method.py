"""Symmetric image-shape contrast: the baseline the five papers build on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from anaglyph.errors import ConfigError
from anaglyph.losses.contrastive import multi_positive_nce
from anaglyph.methods.base import Method, encode_modality, projections
from anaglyph.nn.gather import gather_rows
from anaglyph.types import Batch, StepOutput


@dataclass(frozen=True, kw_only=True)
class PairContrastConfig:
    """Image-shape contrast without memory, teacher or text."""

    embed_dim: int = 256
    """Size of the shared space."""
    temperature: float = 0.07
    """Softmax temperature of both directions, > 0."""


class PairContrast(Method):
    """Pulls an image and its shape together, pushes the other pairs of the batch apart."""

    config_cls = PairContrastConfig

    def __init__(
        self, config: PairContrastConfig, *, encoders: Mapping[str, nn.Module], objects: int
    ) -> None:
        super().__init__()
        if config.temperature <= 0:
            raise ConfigError(f"temperature must be > 0, got {config.temperature}; 0.07 is usual.")
        self.config = config
        self.encoders = nn.ModuleDict(encoders)
        self.projections = projections("linear", encoders, config.embed_dim)

    def embed(self, modality: str, batch: Batch) -> Tensor:
        """One modality of a batch -> (B, D) unit vectors, the views of an image averaged."""
        features = encode_modality(self.encoders, modality, batch)
        return F.normalize(self.projections[modality](features).float(), dim=-1)

    def training_step(self, batch: Batch) -> StepOutput:
        """InfoNCE from images to shapes and back over the joined batch of all processes."""
        image = gather_rows(self.embed("image", batch))
        shape = gather_rows(self.embed("shape", batch))  # (B, D)
        same = torch.eye(len(image), dtype=torch.bool, device=image.device)
        forth = multi_positive_nce(image, shape, same, temperature=self.config.temperature)
        back = multi_positive_nce(shape, image, same, temperature=self.config.temperature)
        return StepOutput((forth + back) / 2, {"image_to_shape": forth, "shape_to_image": back})
